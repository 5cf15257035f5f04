// Pure: the limit of the automatic colour range, by the rule of rnngrad_widgets/data/statistics.py.
// It is needed here for what only the browser has: the difference of two snapshots.

/** Percentile of the non-zero magnitudes that the range holds: gradients have long tails. */
export const AUTO_PERCENTILE = 99.8;

/** Limits in a decade; the last one is the first of the next decade. */
export const NICE = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/**
 * The percentile of the finite non-zero magnitudes, rounded up; null where there is no such value.
 */
export function autoLimit(values: Float32Array): number | null {
  const magnitude = percentileOfMagnitudes(values, AUTO_PERCENTILE);
  return magnitude === null ? null : roundUp(magnitude);
}

/**
 * The smallest of the `NICE` limits that is not below a positive value, up to the precision of
 * float32, in which 0.3 is a little more than 0.3.
 */
export function roundUp(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  const step = NICE.find((nice) => nice * decade >= value * (1 - 1e-6)) ?? 10;
  return Number((step * decade).toPrecision(6));
}

/** Bits of a float32 without its sign: their order is that of the magnitudes. */
const MAGNITUDE = 0x7fffffff;
const INFINITY = 0x7f800000;

/**
 * A percentile of the finite non-zero magnitudes, between the two nearest ones as in numpy.
 *
 * The bits of the magnitudes are counted by their upper half, then those of one upper half by their
 * lower half: two passes, where sorting 16 million values would take seconds.
 */
function percentileOfMagnitudes(values: Float32Array, percentile: number): number | null {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const upper = new Uint32Array(1 << 15);
  let zeros = 0;
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i] & MAGNITUDE;
    upper[magnitude >>> 16]++;
    zeros += magnitude === 0 ? 1 : 0;
  }
  let count = 0; // of the finite ones
  for (let half = 0; half < INFINITY >>> 16; half++) {
    count += upper[half];
  }
  if (count === zeros) {
    return null;
  }
  const place = zeros + (percentile / 100) * (count - zeros - 1);
  const below = Math.floor(place);
  const at = magnitudeAt(bits, upper, below);
  const next = below + 1 < count ? magnitudeAt(bits, upper, below + 1) : at;
  return at + (place - below) * (next - at);
}

/** The magnitude with so many before it, in rising order. */
function magnitudeAt(bits: Uint32Array, upper: Uint32Array, place: number): number {
  let half = 0;
  let before = 0;
  while (before + upper[half] <= place) {
    before += upper[half++];
  }
  const lower = new Uint32Array(1 << 16);
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] & MAGNITUDE) >>> 16 === half) {
      lower[bits[i] & 0xffff]++;
    }
  }
  let rest = 0;
  while (before + lower[rest] <= place) {
    before += lower[rest++];
  }
  return new Float32Array(Uint32Array.of((half << 16) | rest).buffer)[0];
}
