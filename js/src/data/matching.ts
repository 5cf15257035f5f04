// Pure: which step of a run stands beside which step of another one. As Python does it
// (comparison/matching.py).

import { shownIndex } from './run';

/** A snapshot of a run. */
export interface StepLoss {
  readonly step: number;
  /** NaN where it is not known. */
  readonly loss: number;
}

export type MatchedBy = 'step' | 'loss';

/** Snapshots whose mean is the smoothed loss of the middle one; fewer at the ends of a run. */
const SMOOTHED_OVER = 5;

/** The mean loss of each snapshot and its neighbours; NaN where none is finite. */
export function smoothed(run: readonly StepLoss[]): number[] {
  const reach = Math.floor(SMOOTHED_OVER / 2);
  return run.map((_, place) => {
    const near = run.slice(Math.max(place - reach, 0), place + reach + 1);
    const finite = near.map(({ loss }) => loss).filter(Number.isFinite);
    return finite.reduce((sum, loss) => sum + loss, 0) / finite.length;
  });
}

/**
 * Place of the snapshot of each run that belongs to a step of the base; -1 without snapshots. By
 * loss it is the one whose smoothed loss is nearest to that of the base, the first one of several;
 * by step where one of them has no finite loss.
 */
export function matched(
  runs: readonly (readonly StepLoss[])[],
  base: number,
  step: number,
  by: MatchedBy,
): number[] {
  const places = runs.map((run) => shownIndex(run, step, false));
  const aim =
    by === 'loss' && (runs.at(base)?.length ?? 0) > 0 ? smoothed(runs[base])[places[base]] : NaN;
  if (!Number.isFinite(aim)) {
    return places;
  }
  return runs.map((run, index) => {
    const away = smoothed(run).map((loss) => Math.abs(loss - aim));
    const least = away.filter(Number.isFinite).reduce((a, b) => Math.min(a, b), Infinity);
    return index === base || least === Infinity ? places[index] : away.indexOf(least);
  });
}
