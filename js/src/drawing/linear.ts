// Pure: pixels of values on a linear axis.

type Ends = readonly [first: number, last: number];

/** Pixels beyond which a canvas would drop a whole line: it counts in single precision. */
const FAR = 1e6;

/** The pixel, or the nearest one that a canvas can count with; not a number stays what it is. */
export function onCanvas(pixel: number): number {
  return Math.min(Math.max(pixel, -FAR), FAR);
}

/**
 * The pixel of each value; NaN where the value is not finite.
 *
 * Measured from an end of the axis and by its length. The pixel of 1 less the pixel of 0 would be
 * nothing at all on an axis to 1e18.
 */
export function pixelsOf(values: Float32Array, [low, high]: Ends, [from, to]: Ends): Float64Array {
  const perUnit = (to - from) / (high - low);
  return Float64Array.from(values, (v) =>
    Number.isFinite(v) ? onCanvas(from + (v - low) * perUnit) : NaN,
  );
}

/** An axis from zero that holds every finite loss, with a little room, and its two labelled places. */
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
