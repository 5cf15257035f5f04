// Pure: rows that belong together, such as the halves of a Bidirectional layer.

/** Named rows: the first one, and what they count; they end where the next ones begin. */
export interface Section {
  readonly name: string;
  readonly start: number;
  readonly rows: string;
}

/** Rows [start, stop) of a section; all rows where it is null. */
export function rowsOfSection(
  sections: readonly Section[],
  index: number | null,
  count: number,
): [start: number, stop: number] {
  if (index === null) {
    return [0, count];
  }
  return [sections[index]?.start ?? 0, sections[index + 1]?.start ?? count];
}

/** The section that a row is in: the last one that begins at it or before; null where there is none. */
export function sectionOf(sections: readonly Section[], row: number): number | null {
  const after = sections.findIndex(({ start }) => start > row);
  const index = (after < 0 ? sections.length : after) - 1;
  return index < 0 ? null : index;
}
