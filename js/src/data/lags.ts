// Pure: how much of what a timestep of the loss contributes is left, by lag. As Python does it
// (diagnosis/lag_profile.py).

import type { PlotArray } from './slicing';
import type { Norms } from './statistics';

/** A reach: (sample, timestep, timestep of the loss), and what belongs to none of these last. */
export interface Reach {
  /** The timesteps of the loss. */
  readonly timesteps: readonly number[];
  /** Whether the layer processes the last timestep first. */
  readonly backward: boolean;
}

/** The timesteps of the loss that the labels of rows name; null of what is no reach. */
export function reachOf(tensor: {
  readonly rowLabels: readonly string[];
  readonly directions: readonly string[];
}): Reach | null {
  const { rowLabels, directions } = tensor;
  return rowLabels.length === 0
    ? null
    : { timesteps: rowLabels.slice(0, -1).map(Number), backward: directions[0] === 'backward' };
}

/** One sample of an array, alone. */
export function alone(array: PlotArray, sample: number): PlotArray {
  const { data, mask, timesteps, channels } = array;
  const size = timesteps * channels;
  return {
    ...array,
    samples: 1,
    data: data.subarray(sample * size, (sample + 1) * size),
    mask: mask?.subarray(sample * timesteps, (sample + 1) * timesteps) ?? null,
  };
}

/**
 * R[u, u - k] / R[u, u] at each lag k, the median over the timesteps u of the loss. NaN where no
 * lag is known. Masked timesteps do not count as lags; of a masked timestep of the loss, u is the
 * last one before that is not masked.
 */
export function lagProfile(array: PlotArray, reach: Reach): Norms {
  const { samples, timesteps } = array;
  const values = new Float64Array(samples * timesteps).fill(NaN);
  let largest = 0;
  for (let sample = 0; sample < samples; sample++) {
    const byLag = ratios(array, sample, reach);
    byLag.forEach((found, lag) => {
      if (found.length > 0) {
        const middle = median(Float64Array.from(found).sort());
        values[sample * timesteps + lag] = middle;
        largest = Math.max(largest, middle);
      }
    });
  }
  return { samples, timesteps, values, largest };
}

/** The finite ratios of one sample at each lag. */
function ratios(array: PlotArray, sample: number, { timesteps, backward }: Reach): number[][] {
  const counted: number[] = [];
  for (let t = 0; t < array.timesteps; t++) {
    if ((array.mask?.[sample * array.timesteps + t] ?? 1) === 1) {
      counted.push(t);
    }
  }
  const order = backward ? counted.reverse() : counted;
  const at = (t: number, column: number): number =>
    array.data[(sample * array.timesteps + t) * array.channels + column];
  const byLag = Array.from({ length: array.timesteps }, (): number[] => []);
  timesteps.forEach((u, column) => {
    const last = order.filter((t) => (backward ? t >= u : t <= u)).length - 1;
    const own = last < 0 || u >= array.timesteps ? 0 : at(order[last], column);
    if (!(own > 0 && Number.isFinite(own))) {
      return;
    }
    for (let lag = 0; lag <= last; lag++) {
      const ratio = at(order[last - lag], column) / own;
      if (Number.isFinite(ratio)) {
        byLag[lag].push(ratio);
      }
    }
  });
  return byLag;
}

function median(sorted: Float64Array): number {
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}
