// Pure: the places of the two norm sliders. Both are integer sliders: ipywidgets' float sliders
// write the value that they rounded to their step back to the model, which would move the norm by
// itself.

import type { Norm } from './colours';

/** Decades that the logarithmic slider spans below 10^maxDecade. */
export const DECADES = 8;

/** Limits within a decade that the logarithmic slider stops at. */
const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];

/** Places of the logarithmic slider: 0 .. LAST_LIMIT_INDEX. */
export const LAST_LIMIT_INDEX = DECADES * STEPS.length;

/** Places of each handle of the linear slider on either side of zero, up to 10^maxDecade. */
export const LAST_RANGE_INDEX = 200;

/** The symmetric limit at a place of the logarithmic slider. */
export function limitAt(index: number, maxDecade: number): number {
  const decade = Math.floor(index / STEPS.length) - DECADES + maxDecade;
  return Number(`${STEPS[index % STEPS.length]}e${decade}`);
}

/** The place nearest to a limit, on the logarithmic axis. */
export function limitIndexOf(limit: number, maxDecade: number): number {
  let best = 0;
  let distance = Infinity;
  for (let index = 0; index <= LAST_LIMIT_INDEX; index++) {
    const away = Math.abs(Math.log(limit / limitAt(index, maxDecade)));
    if (away < distance) {
      distance = away;
      best = index;
    }
  }
  return best;
}

/** The places of the two handles nearest to a range; never the same one twice. */
export function rangeIndicesOf(norm: Norm, maxDecade: number): [number, number] {
  const last = LAST_RANGE_INDEX;
  const place = (v: number): number =>
    Math.min(Math.max(Math.round((v / 10 ** maxDecade) * last), -last), last);
  const low = Math.min(place(norm.vmin), last - 1);
  return [low, Math.max(place(norm.vmax), low + 1)];
}

/** The range after the handles were moved: a handle that stayed keeps its exact value. */
export function normOfIndices(
  indices: readonly [number, number],
  old: Norm,
  maxDecade: number,
): Norm {
  const was = rangeIndicesOf(old, maxDecade);
  const valueAt = (index: number): number =>
    Number(`${index * (1000 / LAST_RANGE_INDEX)}e${maxDecade - 3}`);
  const norm = {
    vmin: indices[0] === was[0] ? old.vmin : valueAt(indices[0]),
    vmax: indices[1] === was[1] ? old.vmax : valueAt(indices[1]),
  };
  // both handles on one place would be an empty range, which has no colours
  return norm.vmin < norm.vmax ? norm : old;
}
