// Pure: rows that belong together, such as the halves of a Bidirectional layer.

/**
 * A range of rows: its name, its first row and what the rows count. It ends where the next begins.
 */
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

/** Index of the section that a row belongs to; null where it belongs to none. */
export function sectionOf(sections: readonly Section[], row: number): number | null {
  const after = sections.findIndex(({ start }) => start > row);
  const index = (after < 0 ? sections.length : after) - 1;
  return index < 0 ? null : index;
}
