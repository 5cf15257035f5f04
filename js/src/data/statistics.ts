// Pure numbers of a whole tensor, for the flow; Python has its own in a module of the same name.

import type { PlotArray } from './slicing';
import { asPlotArray, secondHalf } from './slicing';
import type { DenseArray } from './wire';

/** Below this share of the maximum, a gradient counts as not reaching a timestep, unless another is chosen. */
export const THRESHOLD = 1e-8;

/** Norms over channels of every sample and timestep, (samples, timesteps), NaN where masked. */
export interface Norms {
  readonly samples: number;
  readonly timesteps: number;
  readonly values: Float64Array;
  /** The largest finite one. */
  readonly largest: number;
}

/** The smallest norm that is not 0; Infinity where there is none. */
export function smallestOf({ values }: Norms): number {
  return values.reduce((least, norm) => (norm > 0 && norm < least ? norm : least), Infinity);
}

/**
 * Norms over the channels [start, stop), at the positions where they are shown.
 * In double precision, so that the squares of tiny gradients do not vanish.
 */
export function normsOverChannels(
  array: PlotArray,
  start: number,
  stop: number,
  flip: boolean,
  mask: Float32Array | null,
): Norms {
  const { samples, timesteps, channels, data } = array;
  const values = new Float64Array(samples * timesteps);
  let largest = 0;
  for (let s = 0; s < samples; s++) {
    for (let t = 0; t < timesteps; t++) {
      const base = (s * timesteps + t) * channels;
      const hidden = mask !== null && mask[s * timesteps + t] === 0;
      const norm = hidden ? NaN : Math.sqrt(sumOfSquares(data, base + start, base + stop));
      values[s * timesteps + (flip ? timesteps - 1 - t : t)] = norm;
      if (norm > largest && norm < Infinity) {
        largest = norm;
      }
    }
  }
  return { samples, timesteps, values, largest };
}

function sumOfSquares(data: Float32Array, start: number, stop: number): number {
  let sum = 0;
  for (let i = start; i < stop; i++) {
    sum += data[i] * data[i];
  }
  return sum;
}

/** Norms over two sets of channels together. */
export function combined(a: Norms, b: Norms): Norms {
  const values = a.values.map((norm, i) => Math.hypot(norm, b.values[i]));
  const largest = values.reduce((most, v) => (v > most && v < Infinity ? v : most), 0);
  return { ...a, values, largest };
}

/** Quartiles over samples at every timestep; NaN where no sample has a finite norm. */
export interface Quartiles {
  readonly lower: Float64Array;
  readonly median: Float64Array;
  readonly upper: Float64Array;
}

export function quartiles(norms: Norms): Quartiles {
  const { samples, timesteps, values } = norms;
  const rows = [0.25, 0.5, 0.75].map(() => new Float64Array(timesteps));
  for (let t = 0; t < timesteps; t++) {
    const column: number[] = [];
    for (let s = 0; s < samples; s++) {
      const v = values[s * timesteps + t];
      if (Number.isFinite(v)) {
        column.push(v);
      }
    }
    const sorted = Float64Array.from(column).sort();
    [0.25, 0.5, 0.75].forEach((share, i) => {
      rows[i][t] = quantile(sorted, share);
    });
  }
  return { lower: rows[0], median: rows[1], upper: rows[2] };
}

/** Interpolate linearly between the two nearest values, as numpy does. */
function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) {
    return NaN;
  }
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/**
 * The longest run of timesteps [first, last] whose median is below the threshold; null if none is.
 */
export function notReached(
  median: Float64Array,
  largest: number,
  threshold: number,
): [number, number] | null {
  let best: [number, number] | null = null;
  let first = -1;
  for (let t = 0; t <= median.length; t++) {
    const below = t < median.length && median[t] < threshold * largest;
    if (below && first < 0) {
      first = t;
    } else if (!below && first >= 0) {
      if (best === null || t - 1 - first > best[1] - best[0]) {
        best = [first, t - 1];
      }
      first = -1;
    }
  }
  return best;
}

/** How strong the gradient of one snapshot is at every timestep. */
export interface StepNorms {
  /**
   * Medians over samples of the norm over channels, by timestep, one section of the channels after
   * the other; NaN where all is masked, Infinity where no norm is finite.
   */
  readonly median: Float64Array;
  /** The largest finite norm of all. */
  readonly largest: number;
}

/**
 * Compute them of an array; without one, those of one timestep without gradient.
 *
 * @param sections - 2 where the halves of the channels are apart, else 1
 */
export function stepNormsOf(
  array: DenseArray | null,
  mask: Float32Array | null,
  sections: 1 | 2,
): StepNorms {
  if (array === null) {
    return { median: new Float64Array(sections), largest: 0 };
  }
  const plotArray = asPlotArray(array.values, array.shape);
  const { channels, timesteps } = plotArray;
  const middle = sections === 2 ? secondHalf(plotArray) : channels;
  const found = { median: new Float64Array(sections * timesteps), largest: 0 };
  [
    [0, middle],
    [middle, channels],
  ]
    .slice(0, sections)
    .forEach(([start, stop], section) => {
      const norms = normsOverChannels(plotArray, start, stop, false, mask);
      found.median.set(mediansOf(norms, mask), section * timesteps);
      found.largest = Math.max(found.largest, norms.largest);
    });
  return found;
}

function mediansOf(norms: Norms, mask: Float32Array | null): Float64Array {
  const { samples, timesteps, values } = norms;
  const median = quartiles(norms).median;
  for (let t = 0; t < timesteps; t++) {
    for (let s = 0; s < samples && Number.isNaN(median[t]); s++) {
      const counts = mask === null || mask[s * timesteps + t] !== 0;
      median[t] = counts && !Number.isFinite(values[s * timesteps + t]) ? Infinity : NaN;
    }
  }
  return median;
}
