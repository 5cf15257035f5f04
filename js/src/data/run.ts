// Pure: the snapshots of a training run that are kept, and which one of them is shown.

import { isKept, strideFor } from './thinning';

/**
 * A snapshot: its number, counted over the whole run, and its training step. Both rise together.
 */
export interface Numbered {
  readonly number: number;
  readonly step: number;
}

/** A step of a run. */
export type Step = Pick<Numbered, 'step'>;

/** A run after a change: what is kept, in its order, and what is not kept any more. */
export interface Change<T> {
  readonly kept: readonly T[];
  readonly gone: readonly T[];
}

/**
 * Insert a snapshot in its place. It replaces one of the same step: the message that closes the
 * older one may be lost.
 */
export function withSnapshot<T extends Numbered>(run: readonly T[], snapshot: T): Change<T> {
  const others = run.filter((other) => other.step !== snapshot.step);
  const gone = run.filter((other) => other.step === snapshot.step);
  const after = others.findIndex((other) => other.number > snapshot.number);
  const at = after < 0 ? others.length : after;
  return { kept: [...others.slice(0, at), snapshot, ...others.slice(at)], gone };
}

/** Thin a run evenly, to no more than `capacity` of its snapshots. */
export function thinned<T extends Numbered>(run: readonly T[], capacity: number): Change<T> {
  const last = run[run.length - 1]?.number ?? 0;
  const stride = strideFor(last, capacity);
  const isLeft = ({ number }: T): boolean => isKept(number, stride, last);
  return { kept: run.filter(isLeft), gone: run.filter((snapshot) => !isLeft(snapshot)) };
}

/** Index of the snapshot that is nearest to a training step, of two the earlier one; 0 of none. */
export function nearestIndex(run: readonly Step[], step: number): number {
  const away = run.map((snapshot) => Math.abs(snapshot.step - step));
  return away.reduce((best, distance, i) => (distance < away[best] ? i : best), 0);
}

/**
 * Index of the snapshot that is shown: of the chosen step, or of the last one before it; the latest
 * where that is followed, or no step was chosen. -1 where there is none.
 */
export function shownIndex(run: readonly Step[], step: number | null, follow: boolean): number {
  const after = step === null || follow ? -1 : run.findIndex((other) => other.step > step);
  return after < 0 ? run.length - 1 : Math.max(after - 1, 0);
}
