// Pure: the places of the two norm sliders. Both are integer sliders: ipywidgets' float sliders write
// the value that they rounded to their step back to the model, which would move the norm by itself.

import type { Norm } from './colours';

/** Decades that the logarithmic slider spans below 10^top. */
export const DECADES = 8;

/** Limits within a decade that the logarithmic slider stops at. */
const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];

/** Places of the logarithmic slider: 0 .. STOPS. */
export const STOPS = DECADES * STEPS.length;

/** Places of each handle of the linear slider: -HANDLES .. HANDLES for -10^top .. 10^top. */
export const HANDLES = 200;

/** The symmetric limit at a place of the logarithmic slider. */
export function limitAt(stop: number, top: number): number {
  const decade = Math.floor(stop / STEPS.length) - DECADES + top;
  return Number(`${STEPS[stop % STEPS.length]}e${decade}`);
}

/** The place nearest to a limit, on the logarithmic axis. */
export function stopOf(limit: number, top: number): number {
  let best = 0;
  let distance = Infinity;
  for (let stop = 0; stop <= STOPS; stop++) {
    const away = Math.abs(Math.log(limit / limitAt(stop, top)));
    if (away < distance) {
      distance = away;
      best = stop;
    }
  }
  return best;
}

/** The places of the two handles nearest to a range; never the same one twice. */
export function handlesOf(norm: Norm, top: number): [number, number] {
  const place = (v: number): number =>
    Math.min(Math.max(Math.round((v / 10 ** top) * HANDLES), -HANDLES), HANDLES);
  const low = Math.min(place(norm.vmin), HANDLES - 1);
  return [low, Math.max(place(norm.vmax), low + 1)];
}

/** The range after the handles were moved: a handle that stayed keeps its exact value. */
export function normOfHandles(handles: [number, number], old: Norm, top: number): Norm {
  const was = handlesOf(old, top);
  const value = (i: 0 | 1, exact: number): number =>
    handles[i] === was[i] ? exact : Number(`${handles[i] * (1000 / HANDLES)}e${top - 3}`);
  const norm = { vmin: value(0, old.vmin), vmax: value(1, old.vmax) };
  // both handles on one place: an empty range has no colours
  return norm.vmin < norm.vmax ? norm : old;
}
