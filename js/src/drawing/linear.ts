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

/**
 * An axis in decades that holds every finite loss; null where one is not above zero, which has no
 * logarithm.
 *
 * @returns its ends as powers of ten, and the losses that are labelled, at most four
 */
export function logLossAxis(
  losses: readonly number[],
): { min: number; max: number; ticks: number[] } | null {
  const known = losses.filter(Number.isFinite);
  if (known.length === 0 || known.some((loss) => loss <= 0)) {
    return null;
  }
  const [least, most] = [Math.min(...known), Math.max(...known)].map(Math.log10);
  const margin = Math.max(0.08 * (most - least), 0.05);
  const [min, max] = [least - margin, most + margin];
  const decades = Array.from(
    { length: Math.ceil(max) - Math.floor(min) + 1 },
    (_, i) => Math.floor(min) + i,
  );
  const within = (factors: readonly number[]): number[] =>
    decades
      .flatMap((decade) => factors.map((factor) => factor * 10 ** decade))
      .filter((loss) => Math.log10(loss) >= min && Math.log10(loss) <= max);
  const [few, more] = [within([1]), within([1, 2, 5])];
  const ticks = [few, more].find((each) => each.length > 1) ?? [10 ** least, 10 ** most];
  const every = Math.ceil(ticks.length / 4);
  return { min, max, ticks: ticks.filter((_, i) => i % every === 0) };
}
