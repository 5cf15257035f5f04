// Pure: pixels of values on a linear axis.

type Ends = readonly [first: number, last: number];

/** A canvas computes in single precision, and drops a line that has points beyond this pixel. */
const FAR = 1e6;

/** The pixel, or the nearest one that a canvas can draw; NaN stays NaN. */
export function onCanvas(pixel: number): number {
  return Math.min(Math.max(pixel, -FAR), FAR);
}

/**
 * The pixel of each value; NaN where the value is not finite.
 *
 * Computed from the ends of the axis, not from the pixels of 0 and 1: on an axis up to 1e18 those
 * two are the same.
 */
export function pixelsOf(values: Float32Array, [low, high]: Ends, [from, to]: Ends): Float64Array {
  const perUnit = (to - from) / (high - low);
  return Float64Array.from(values, (v) =>
    Number.isFinite(v) ? onCanvas(from + (v - low) * perUnit) : NaN,
  );
}

/**
 * An axis from zero that holds every finite loss, with a little room, and its two labelled places.
 */
export function lossAxis(losses: readonly number[]): {
  min: number;
  max: number;
  ticks: [number, number];
} {
  const known = losses.filter(Number.isFinite);
  const [least, most] = [Math.min(0, ...known), Math.max(0, ...known)];
  const outer = most > 0 ? most : least || 1;
  return { min: 1.08 * least, max: 1.08 * Math.max(outer, 0), ticks: [0, outer] };
}
