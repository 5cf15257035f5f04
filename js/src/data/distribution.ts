// Pure counting of values into bins, for the histogram. Counts written by numpy test it.

import type { PlotArray, Span } from './slicing';
import { secondHalf } from './slicing';

/** A block of the tensor, as it lies in memory (never reflected). Of such are what is counted. */
export interface Block {
  readonly samples: Span;
  readonly timesteps: Span;
  readonly channels: Span;
}

/** Number of values, and how many of them a logarithmic axis cannot show. */
export interface Tally {
  /** All values that are not masked, including zeros, NaN and infinities. */
  readonly total: number;
  readonly zeros: number;
  readonly nans: number;
  readonly infinities: number;
}

/**
 * Magnitudes by octave: `counts[i]` of them in [2^(i - 149), 2^(i - 148)), every float32 has one.
 */
export interface Octaves extends Tally {
  readonly counts: Uint32Array;
  /** Counts by the upper nine bits: sign and exponent. */
  readonly exponents: Uint32Array;
}

/** Counts between edges, of which there is one more. The last bin includes its upper edge. */
export interface Bins {
  readonly edges: Float64Array;
  readonly counts: Uint32Array;
}

/** Octaves of float32: 23 of subnormal numbers, 254 of the others. */
const OCTAVES = 277;
/** The first one is that of 2^-149. */
const FIRST_OCTAVE = -149;

/** Octaves that are shown below the largest magnitude: 16 decades, more where values lie there. */
const SHOWN = 53;
const LEAST_SHOWN = 12;
/** At most this share of the non-zero values is left below the axis. */
const LEFT_BELOW = 0.1;

export function wholeBlock(array: PlotArray): Block {
  return {
    samples: [0, array.samples],
    timesteps: [0, array.timesteps],
    channels: [0, array.channels],
  };
}

/**
 * The block of the positions first .. last on the time axis; two where the second half is reflected:
 * there a position is counted from the end.
 */
export function shownBlocks(
  array: PlotArray,
  [first, last]: readonly [number, number],
  reflect: boolean,
): Block[] {
  const { timesteps, channels } = array;
  const whole = wholeBlock(array);
  const shown: Span = [first, last + 1];
  if (!reflect || last - first + 1 === timesteps) {
    return [{ ...whole, timesteps: shown }];
  }
  const half = secondHalf(array);
  return [
    { ...whole, timesteps: shown, channels: [0, half] },
    { ...whole, timesteps: [timesteps - 1 - last, timesteps - first], channels: [half, channels] },
  ];
}

/** Call `visit` with the runs [start, stop) of values that lie together and are not masked. */
function eachRun(
  array: PlotArray,
  blocks: readonly Block[],
  mask: Float32Array | null,
  visit: (start: number, stop: number) => void,
): void {
  const { timesteps, channels } = array;
  let start = 0;
  let stop = 0;
  for (const block of blocks) {
    const [first, end] = block.channels;
    for (let s = block.samples[0]; s < block.samples[1]; s++) {
      for (let t = block.timesteps[0]; t < block.timesteps[1]; t++) {
        const step = s * timesteps + t;
        if (mask !== null && mask[step] === 0) {
          continue;
        }
        const from = step * channels + first;
        if (from !== stop) {
          visit(start, stop);
          start = from;
        }
        stop = step * channels + end;
      }
    }
  }
  visit(start, stop);
}

/**
 * Count magnitudes by octave.
 *
 * The octave is read from the bits: the exponent of a number, the highest bit of a subnormal one.
 *
 * @param mask - 1 where a (sample, timestep) counts, 0 where it does not; null counts all
 */
export function octaves(
  array: PlotArray,
  blocks: readonly Block[],
  mask: Float32Array | null,
): Octaves {
  const bits = bitsOf(array);
  const exponents = new Uint32Array(512);
  eachRun(array, blocks, mask, (start, stop) => countExponents(bits, start, stop, exponents));
  const counts = new Uint32Array(OCTAVES);
  for (let exponent = 1; exponent < 255; exponent++) {
    counts[exponent + 22] = exponents[exponent] + exponents[exponent + 256];
  }
  // zero has the exponent of subnormal numbers, infinity that of NaN: their mantissas tell them
  // apart
  const [small, large] = [exponents[0] + exponents[256], exponents[255] + exponents[511]];
  const mantissas = { subnormal: 0, nan: 0 };
  if (small > 0 || large > 0) {
    eachRun(array, blocks, mask, (start, stop) =>
      countMantissas(bits, start, stop, counts, mantissas),
    );
  }
  return {
    total: exponents.reduce((sum, count) => sum + count, 0),
    zeros: small - mantissas.subnormal,
    nans: mantissas.nan,
    infinities: large - mantissas.nan,
    counts,
    exponents,
  };
}

function bitsOf({ data }: PlotArray): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}

function countExponents(bits: Uint32Array, start: number, stop: number, into: Uint32Array): void {
  for (let i = start; i < stop; i++) {
    into[bits[i] >>> 23]++;
  }
}

function countMantissas(
  bits: Uint32Array,
  start: number,
  stop: number,
  counts: Uint32Array,
  found: { subnormal: number; nan: number },
): void {
  let nan = 0;
  for (let i = start; i < stop; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      nan++;
    } else if (magnitude < 0x800000 && magnitude > 0) {
      counts[31 - Math.clz32(magnitude)]++;
      found.subnormal++;
    }
  }
  found.nan += nan;
}

/** The octaves that an axis shows, [first, end); null where there is no finite value but zero. */
export function shownOctaves({ counts }: Octaves): Span | null {
  const occupied = counts.reduce((sum, count) => sum + count, 0);
  if (occupied === 0) {
    return null;
  }
  let last = OCTAVES - 1;
  while (counts[last] === 0) {
    last--;
  }
  let first = 0;
  let below = 0; // values under `first`
  while (
    below + counts[first] <= LEFT_BELOW * occupied &&
    (counts[first] === 0 || first <= last - SHOWN)
  ) {
    below += counts[first++];
  }
  // show at least a few octaves, around those that hold values
  const lacking = Math.max(LEAST_SHOWN - (last + 1 - first), 0);
  const end = Math.min(last + 1 + Math.floor(lacking / 2), OCTAVES);
  return [Math.max(Math.min(first, end - LEAST_SHOWN), 0), end];
}

/** Octaves [first, end) as bins; their edges are powers of two. */
export function octaveBins({ counts }: Octaves, [first, end]: Span): Bins {
  return {
    edges: Float64Array.from(
      { length: end - first + 1 },
      (_, i) => 2 ** (first + i + FIRST_OCTAVE),
    ),
    counts: counts.slice(first, end),
  };
}

/**
 * Smallest and largest finite value; null where there is none. Only values of the two outermost
 * octaves need to be compared.
 */
export function finiteRange(
  array: PlotArray,
  blocks: readonly Block[],
  mask: Float32Array | null,
  { exponents }: Octaves,
): [number, number] | null {
  const { data } = array;
  const bits = bitsOf(array);
  // from the most negative numbers to the most positive ones
  const order = Array.from({ length: 510 }, (_, i) => (i < 255 ? 510 - i : i - 255));
  const held = order.filter((exponent) => exponents[exponent] > 0);
  if (held.length === 0) {
    return null;
  }
  const outer: [number, number] = [held[0], held[held.length - 1]];
  const range: [number, number] = [Infinity, -Infinity];
  eachRun(array, blocks, mask, (start, stop) => widen(range, data, bits, start, stop, outer));
  return range;
}

function widen(
  range: [number, number],
  data: Float32Array,
  bits: Uint32Array,
  start: number,
  stop: number,
  [lowest, highest]: [number, number],
): void {
  let [least, most] = range;
  for (let i = start; i < stop; i++) {
    const exponent = bits[i] >>> 23;
    if (exponent === lowest || exponent === highest) {
      least = Math.min(least, data[i]);
      most = Math.max(most, data[i]);
    }
  }
  range[0] = least;
  range[1] = most;
}

/**
 * Edges of `bins` equal bins, as numpy.linspace computes them; a single value gets room around it.
 */
export function equalEdges([least, most]: readonly [number, number], bins: number): Float64Array {
  const room = least < most ? 0 : Math.abs(least) / 2 || 0.5;
  const [first, last] = [least - room, most + room];
  const step = (last - first) / bins;
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => i * step + first);
  edges[bins] = last;
  return edges;
}

/**
 * Count values between equal edges exactly as numpy.histogram does; those outside are not counted.
 */
export function equalBins(
  array: PlotArray,
  blocks: readonly Block[],
  mask: Float32Array | null,
  edges: Float64Array,
): Bins {
  const { data } = array;
  const counts = new Uint32Array(edges.length - 1);
  eachRun(array, blocks, mask, (start, stop) => countBetween(data, start, stop, edges, counts));
  return { edges, counts };
}

/** Distance from an edge, in bins, below which rounding may put a value on the wrong side. */
const NEAR = 1e-6;

function countBetween(
  data: Float32Array,
  start: number,
  stop: number,
  edges: Float64Array,
  counts: Uint32Array,
): void {
  const bins = counts.length;
  const least = edges[0];
  const perUnit = bins / (edges[bins] - least);
  for (let i = start; i < stop; i++) {
    const place = (data[i] - least) * perUnit;
    const bin = place | 0;
    const over = place - bin;
    if (place > 0 && place < bins && over > NEAR && over < 1 - NEAR) {
      counts[bin]++;
    } else if (data[i] >= least && data[i] <= edges[bins]) {
      let exact = Math.min(Math.round(place), bins - 1);
      exact = data[i] < edges[exact] ? exact - 1 : exact;
      counts[exact]++;
    }
  }
}

/** Number of values that are not zero but lie below the first octave that is shown. */
export function countBelow({ counts }: Octaves, [first]: Span): number {
  return counts.subarray(0, first).reduce((sum, count) => sum + count, 0);
}
