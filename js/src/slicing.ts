// Pure slicing of the tensor: no widgets, no DOM. Golden slices written by numpy test it.

/** A dense float32 array, C order, axes (sample, timestep, channel); without a time axis, one timestep. */
export interface Cube {
  readonly data: Float32Array;
  readonly samples: number;
  readonly timesteps: number;
  readonly channels: number;
}

/** View an array of rank 2 (sample, channel) or 3 (sample, timestep, channel) as a cube. */
export function asCube(data: Float32Array, shape: readonly number[]): Cube {
  const [samples, timesteps, channels] = shape.length === 3 ? shape : [shape[0], 1, shape[1]];
  if (data.length !== samples * timesteps * channels) {
    throw new Error(`the buffer must fill its shape; received ${data.length} values for (${shape})`);
  }
  return { data, samples, timesteps, channels };
}

/** First channel of the half that `reflect_half` flips along time. */
export function secondHalf(cube: Cube): number {
  return Math.floor(cube.channels / 2);
}

/** The timestep that is shown at position `t` for a channel: flipped in the second half if reflected. */
export function sourceTimestep(cube: Cube, t: number, channel: number, reflect: boolean): number {
  return reflect && channel >= secondHalf(cube) ? cube.timesteps - 1 - t : t;
}

/** One value, as it is shown at position `t`. */
export function valueAt(
  cube: Cube,
  sample: number,
  t: number,
  channel: number,
  reflect = false,
): number {
  const source = sourceTimestep(cube, t, channel, reflect);
  return cube.data[(sample * cube.timesteps + source) * cube.channels + channel];
}

/** The values of one sample and channel over time. */
export function series(cube: Cube, sample: number, channel: number, reflect = false): Float32Array {
  const out = new Float32Array(cube.timesteps);
  for (let t = 0; t < cube.timesteps; t++) {
    out[t] = valueAt(cube, sample, t, channel, reflect);
  }
  return out;
}

/** The values of every channel of one sample at its first timestep: the row of a 0-D quantity. */
export function row(cube: Cube, sample: number): Float32Array {
  const start = sample * cube.timesteps * cube.channels;
  return cube.data.subarray(start, start + cube.channels);
}

/** Euclidean norm over the channels [start, stop) of one sample, as shown at position `t`. */
export function normOverChannels(
  cube: Cube,
  sample: number,
  t: number,
  reflect = false,
  start = 0,
  stop = cube.channels,
): number {
  let sum = 0;
  for (let c = start; c < stop; c++) {
    const v = valueAt(cube, sample, t, c, reflect);
    sum += v * v;
  }
  return Math.sqrt(sum);
}

/** Largest finite |value| of one channel over all samples and timesteps; 0 if there is none. */
export function channelMaximum(cube: Cube, channel: number): number {
  let max = 0;
  for (let i = channel; i < cube.data.length; i += cube.channels) {
    const a = Math.abs(cube.data[i]);
    if (a > max && a < Infinity) {
      max = a;
    }
  }
  return max;
}

/** Which cells a raster shows. */
export interface Window {
  readonly sample: number;
  /** Channels [start, stop), bottom to top. */
  readonly start: number;
  readonly stop: number;
  readonly reflect: boolean;
}

/**
 * Reduce one sample to `rows` x `cols` cells, `out[col * rows + row]`: row 0 the lowest channel,
 * column 0 the first timestep. Columns lie together because a timestep does in the tensor.
 *
 * Where several values fall into a cell the one of largest magnitude stays, so that a lone channel
 * remains visible; NaN and infinity win over all, so that they are never hidden.
 */
export function pool(
  cube: Cube,
  window: Window,
  rows: number,
  cols: number,
  out: Float32Array,
): void {
  const { timesteps, channels } = cube;
  const count = window.stop - window.start;
  const rowOf = Int32Array.from({ length: count }, (_, k) => Math.floor((k * rows) / count));
  // channels below `split` are shown in time order, those from it on are flipped
  const half = Math.min(Math.max(secondHalf(cube) - window.start, 0), count);
  const split = window.reflect ? half : count;
  const from = bitsOf(cube.data);
  const to = bitsOf(out);
  to.fill(0);
  for (let t = 0; t < timesteps; t++) {
    const base = (window.sample * timesteps + t) * channels + window.start;
    const upright = Math.floor((t * cols) / timesteps) * rows;
    const flipped = Math.floor(((timesteps - 1 - t) * cols) / timesteps) * rows;
    keepLargest(to, upright, from, base, rowOf, 0, split);
    keepLargest(to, flipped, from, base, rowOf, split, count);
  }
}

/** The bits of the values. Without the sign bit they sort as the magnitudes do, NaN above infinity. */
function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

function keepLargest(
  to: Int32Array,
  column: number,
  from: Int32Array,
  base: number,
  rowOf: Int32Array,
  first: number,
  end: number,
): void {
  const magnitude = 0x7fffffff;
  for (let k = first; k < end; k++) {
    const bits = from[base + k];
    const cell = column + rowOf[k];
    if ((bits & magnitude) > (to[cell] & magnitude)) {
      to[cell] = bits;
    }
  }
}
