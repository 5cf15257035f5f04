// Pure: which parts of a picture, a curve and a time axis are masked. A masked (sample, timestep)
// does not count: it is padding, and a layer skips it.

import type { PlotArray, Rows, Span } from './slicing';
import { bandsOf } from './slicing';

/** Rows [from, to) and positions [first, end) of a picture. */
export interface Area {
  readonly rows: Span;
  readonly columns: Span;
}

/** The masked areas of a picture, within `span`. */
export function maskedAreas(array: PlotArray, rows: Rows, span: Span): Area[] {
  const { mask, timesteps } = array;
  if (!mask) {
    return [];
  }
  return bandsOf(array, rows).flatMap(({ sample, flipped, first, end }) => {
    const counts = (t: number): boolean =>
      mask[sample * timesteps + (flipped ? timesteps - 1 - t : t)] !== 0;
    return runsWithout(counts, span).map((columns): Area => ({ rows: [first, end], columns }));
  });
}

/** The runs of positions of `span` that do not count. */
function runsWithout(counts: (t: number) => boolean, [first, end]: Span): Span[] {
  const runs: Span[] = [];
  for (let t = first; t < end; t++) {
    if (!counts(t)) {
      const start = t;
      while (t < end && !counts(t)) {
        t++;
      }
      runs.push([start, t]);
    }
  }
  return runs;
}

/** Whether anything is masked, of one sample or of all. */
export function hasMasked({ mask, timesteps }: PlotArray, sample: number | null): boolean {
  const part =
    sample === null ? mask : mask?.subarray(sample * timesteps, (sample + 1) * timesteps);
  return part?.includes(0) ?? false;
}

/** The last timestep of a sample that counts; the last one where none does. */
export function lastCounted({ mask, timesteps }: PlotArray, sample: number): number {
  const row = mask?.subarray(sample * timesteps, (sample + 1) * timesteps);
  const last = row?.lastIndexOf(1) ?? -1;
  return last < 0 ? timesteps - 1 : last;
}
