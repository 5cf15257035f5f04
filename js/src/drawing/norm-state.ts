// Pure: how the colour range, the two norm sliders and the button `auto` follow one another.

import type { Norm } from './colours';
import { limitAt, limitIndexOf, normOfIndices, rangeIndicesOf } from './norms';

/** One colour range, in the forms in which it is set: numbers, places of two sliders, a button. */
export interface NormState {
  readonly norm: Norm;
  /** Whether the range is the automatic one of the tensor, and of the next tensor. */
  readonly auto: boolean;
  /** The automatic range is -autoLimit .. autoLimit. */
  readonly autoLimit: number;
  /** The sliders end at 10^maxDecade. */
  readonly maxDecade: number;
  /** Place of the slider of a symmetric range. */
  readonly limitIndex: number;
  /** Places of the slider with two handles. */
  readonly rangeIndices: readonly [number, number];
}

/** The largest magnitude of a range. */
export function limitOf({ vmin, vmax }: Norm): number {
  return Math.max(Math.abs(vmin), Math.abs(vmax));
}

/** Let both sliders say what the norm is. */
export function placeSliders(state: NormState): NormState {
  const { norm, maxDecade } = state;
  return {
    ...state,
    limitIndex: limitIndexOf(limitOf(norm), maxDecade),
    rangeIndices: rangeIndicesOf(norm, maxDecade),
  };
}

/**
 * The state after something of it was set from outside: by Python, by a slider or by the button.
 *
 * A range that is set counts most, then a slider that was moved, then the button, then another automatic range. Any range but the
 * automatic one ends `auto`. A slider that already says what the norm is was placed here, not
 * moved.
 */
export function nextNorm(state: NormState, change: Partial<NormState>): NormState {
  const next = { ...state, ...change };
  if (change.norm !== undefined) {
    return placeSliders(withChosenNorm(next, change.auto === true));
  }
  if (change.limitIndex !== undefined && limitMoved(next)) {
    const limit = limitAt(next.limitIndex, next.maxDecade);
    return placeSliders({ ...next, norm: { vmin: -limit, vmax: limit }, auto: false });
  }
  if (change.rangeIndices !== undefined && rangeMoved(next)) {
    const norm = normOfIndices(next.rangeIndices, next.norm, next.maxDecade);
    const moved = { ...next, norm, auto: false };
    // both handles on one place are no range: it stays as it was, and the handles where they are
    return isSame(norm, next.norm) ? moved : placeSliders(moved);
  }
  if (next.auto && (change.auto === true || change.autoLimit !== undefined)) {
    return placeSliders({ ...next, norm: automatic(next) });
  }
  return change.maxDecade === undefined ? next : placeSliders(next);
}

/**
 * A range that was set together with `auto` comes from Python, which may not know yet of which
 * tensor the browser shows: the automatic range is the one that counts here.
 */
function withChosenNorm(state: NormState, autoWasSet: boolean): NormState {
  const isAutomatic = isSame(state.norm, automatic(state));
  return state.auto && autoWasSet
    ? { ...state, norm: automatic(state) }
    : { ...state, auto: state.auto && isAutomatic };
}

function limitMoved({ limitIndex, norm, maxDecade }: NormState): boolean {
  return limitIndex !== limitIndexOf(limitOf(norm), maxDecade);
}

function rangeMoved({ rangeIndices: [low, high], norm, maxDecade }: NormState): boolean {
  const [lowPlace, highPlace] = rangeIndicesOf(norm, maxDecade);
  return low !== lowPlace || high !== highPlace;
}

function automatic({ autoLimit }: NormState): Norm {
  return { vmin: -autoLimit, vmax: autoLimit };
}

function isSame(a: Norm, b: Norm): boolean {
  return a.vmin === b.vmin && a.vmax === b.vmax;
}
