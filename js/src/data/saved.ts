// Pure: which arrays are saved with a notebook.

/**
 * Bytes of arrays that are saved in one notebook. As base64 they take a third more, 43 MB: GitHub
 * warns of files of more than `NOTEBOOK_SIZE` and refuses those of twice the size, and all of a
 * notebook is read and written whenever it is opened or saved, every two minutes by itself.
 */
export const MOST_SAVED = 32e6;

/** What a notebook stays below, in bytes, as it is told. */
export const NOTEBOOK_SIZE = 50e6;

/** Arrays that are of use only together: one, or the snapshots of a run. */
export interface Group {
  readonly bytes: number;
  readonly isRun: boolean;
}

/** The groups that fit: first single arrays, then runs, from the smallest. */
export function fitting<G extends Group>(groups: readonly G[], most = MOST_SAVED): Set<G> {
  const order = [...groups].sort((a, b) => Number(a.isRun) - Number(b.isRun) || a.bytes - b.bytes);
  let left = most;
  return new Set(
    order.filter(({ bytes }) => {
      const fits = bytes <= left;
      left -= fits ? bytes : 0;
      return fits;
    }),
  );
}

/** Say what was left out. */
export function leftOutText(what: string, bytes: number): string {
  const below = `it would be larger than ${megabytes(NOTEBOOK_SIZE)}`;
  return `Left out when the notebook was saved, because ${below}: ${what} (${megabytes(bytes)}). Run the cell again to see more.`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
