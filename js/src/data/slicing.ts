// Pure slicing of the tensor: no widgets, no DOM. Golden slices written by numpy test it.

/**
 * A dense float32 array in C order, with axes (sample, timestep, channel); one timestep if it has
 * no time.
 */
export interface PlotArray {
  readonly data: Float32Array;
  readonly samples: number;
  readonly timesteps: number;
  readonly channels: number;
  /** 1 where a (sample, timestep) counts, 0 where it is masked; none if all count. */
  readonly mask?: Float32Array | null;
}

/** One value of a tensor. */
export interface Point {
  readonly sample: number;
  /** Position on the time axis as it is shown. */
  readonly timestep: number;
  readonly channel: number;
}

/**
 * View an array with axes (sample, channel) or (sample, timestep, channel) as one with all three.
 */
export function asPlotArray(
  data: Float32Array,
  shape: readonly number[],
  mask: Float32Array | null = null,
): PlotArray {
  const [samples, timesteps, channels] = shape.length === 3 ? shape : [shape[0], 1, shape[1]];
  if (data.length !== samples * timesteps * channels) {
    throw new Error(
      `the buffer must fill its shape; received ${data.length} values for (${shape})`,
    );
  }
  return { data, samples, timesteps, channels, mask };
}

/** First channel of the half that `reflect_half` flips along time. */
export function secondHalf(array: PlotArray): number {
  return Math.floor(array.channels / 2);
}

/**
 * The timestep that is shown at position `t`: counted from the end in the second half if reflected.
 */
export function sourceTimestep(
  array: PlotArray,
  t: number,
  channel: number,
  reflect: boolean,
): number {
  return reflect && channel >= secondHalf(array) ? array.timesteps - 1 - t : t;
}

/** One value, as it is shown at position `t`. */
export function valueAt(
  array: PlotArray,
  sample: number,
  t: number,
  channel: number,
  reflect = false,
): number {
  const source = sourceTimestep(array, t, channel, reflect);
  return array.data[(sample * array.timesteps + source) * array.channels + channel];
}

/** Whether what is shown at position `t` is masked. */
export function isMasked(
  array: PlotArray,
  sample: number,
  t: number,
  channel: number,
  reflect = false,
): boolean {
  const source = sourceTimestep(array, t, channel, reflect);
  return array.mask?.[sample * array.timesteps + source] === 0;
}

/** The values of one sample and channel over time, NaN where they are masked. */
export function series(
  array: PlotArray,
  sample: number,
  channel: number,
  reflect = false,
): Float32Array {
  const out = new Float32Array(array.timesteps);
  for (let t = 0; t < array.timesteps; t++) {
    const masked = isMasked(array, sample, t, channel, reflect);
    out[t] = masked ? NaN : valueAt(array, sample, t, channel, reflect);
  }
  return out;
}

/** The values of every channel of one sample at its first timestep, as 0-D views show them. */
export function row(array: PlotArray, sample: number): Float32Array {
  const start = sample * array.timesteps * array.channels;
  return array.data.subarray(start, start + array.channels);
}

/**
 * Euclidean norm over the channels [start, stop) of one sample, as shown at position `t`, without
 * those that are masked there.
 */
export function normOverChannels(
  array: PlotArray,
  sample: number,
  t: number,
  reflect = false,
  start = 0,
  stop = array.channels,
): number {
  let sum = 0;
  for (let c = start; c < stop; c++) {
    const v = isMasked(array, sample, t, c, reflect) ? 0 : valueAt(array, sample, t, c, reflect);
    sum += v * v;
  }
  return Math.sqrt(sum);
}

/** Largest finite |value| of one channel over all samples and timesteps; 0 if there is none. */
export function channelMaximum(array: PlotArray, channel: number): number {
  let max = 0;
  for (let i = channel; i < array.data.length; i += array.channels) {
    const a = Math.abs(array.data[i]);
    if (a > max && a < Infinity) {
      max = a;
    }
  }
  return max;
}

/** Largest finite magnitude; 0 if there is none. */
export function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    if (magnitude > largest && magnitude < Infinity) {
      largest = magnitude;
    }
  }
  return largest;
}

/**
 * Rows of a picture, bottom to top. `offset` is the position of the first row's value at timestep
 * 0, `stride` the distance to that of the next row.
 */
export interface Rows {
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  /** From this row on, rows run backwards in time. */
  readonly split: number;
}

/** The channels [start, stop) of one sample. */
export function rowsOfSample(
  array: PlotArray,
  sample: number,
  start = 0,
  stop = array.channels,
  reflect = false,
): Rows {
  const count = stop - start;
  const half = Math.min(Math.max(secondHalf(array) - start, 0), count);
  const offset = sample * array.timesteps * array.channels + start;
  return { offset, stride: 1, count, split: reflect ? half : count };
}

/** One channel of every sample. */
export function rowsOfChannel(array: PlotArray, channel: number, reflect = false): Rows {
  const { samples, timesteps, channels } = array;
  const flipped = reflect && channel >= secondHalf(array);
  return {
    offset: channel,
    stride: timesteps * channels,
    count: samples,
    split: flipped ? 0 : samples,
  };
}

/** Positions [first, end) on the time axis. */
export type Span = readonly [first: number, end: number];

/** Rows [first, end) that are of one sample and run in one direction. */
export interface Band {
  readonly sample: number;
  readonly flipped: boolean;
  readonly first: number;
  readonly end: number;
}

/** The bands of a picture, from the lowest. */
export function bandsOf({ timesteps, channels }: PlotArray, rows: Rows): Band[] {
  const { offset, stride, count, split } = rows;
  const sampleOf = (row: number): number =>
    Math.floor((offset + row * stride) / (timesteps * channels));
  const bands: Band[] = [];
  for (let first = 0, end = 1; first < count; first = end, end++) {
    const [sample, flipped] = [sampleOf(first), first >= split];
    while (end < count && sampleOf(end) === sample && end >= split === flipped) {
      end++;
    }
    bands.push({ sample, flipped, first, end });
  }
  return bands;
}

/**
 * Reduce a picture to `height` x `width` cells, `out[column * height + row]`: row 0 the lowest,
 * column 0 the first position of `span`. Columns lie together because a timestep does in the
 * tensor.
 *
 * Where several values fall into a cell the one of largest magnitude stays, so that a lone channel
 * remains visible; NaN and infinity win over all, so that they are never hidden. What is masked is
 * left out.
 */
export function pool(
  array: PlotArray,
  rows: Rows,
  span: Span,
  height: number,
  width: number,
  out: Float32Array,
): void {
  const { timesteps, channels, mask } = array;
  const [first, end] = span;
  const { count } = rows;
  const bands = bandsOf(array, rows);
  // cell r has rows [starts[r], starts[r + 1])
  const starts = Int32Array.from({ length: height + 1 }, (_, r) => Math.ceil((r * count) / height));
  const from = bitsOf(array.data);
  const to = bitsOf(out);
  to.fill(0);
  for (let t = first; t < end; t++) {
    const column = Math.floor(((t - first) * width) / (end - first)) * height;
    for (const band of bands) {
      const source = band.flipped ? timesteps - 1 - t : t;
      if (mask?.[band.sample * timesteps + source] !== 0) {
        const base = rows.offset + source * channels;
        const keep = height === count ? keepLarger : keepLargest;
        keep(to, column, from, base, rows.stride, band.first, band.end, starts);
      }
    }
  }
}

/**
 * The bits of the values. Without the sign bit they sort as the magnitudes do, NaN above infinity.
 */
function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

const magnitude = 0x7fffffff;

/**
 * Let each cell of a column keep the larger of what it has and its row, of rows [first, end). With
 * a row for each cell this is faster than `keepLargest`.
 */
function keepLarger(
  to: Int32Array,
  column: number,
  from: Int32Array,
  base: number,
  stride: number,
  first: number,
  end: number,
): void {
  for (let k = first, at = base + first * stride; k < end; k++, at += stride) {
    const bits = from[at];
    if ((bits & magnitude) > (to[column + k] & magnitude)) {
      to[column + k] = bits;
    }
  }
}

/**
 * Let each cell of a column keep the largest of its rows within [first, end). Without a branch on
 * the values, which nothing could predict: twice as fast.
 */
function keepLargest(
  to: Int32Array,
  column: number,
  from: Int32Array,
  base: number,
  stride: number,
  first: number,
  end: number,
  starts: Int32Array,
): void {
  for (let r = 0; r < starts.length - 1; r++) {
    const stop = Math.min(starts[r + 1], end);
    let k = Math.max(starts[r], first);
    if (k < stop) {
      let best = to[column + r];
      for (let at = base + k * stride; k < stop; k++, at += stride) {
        const bits = from[at];
        // all bits of it are 1 where the value is larger
        const isLarger = ((best & magnitude) - (bits & magnitude)) >> 31;
        best = (best & ~isLarger) | (bits & isLarger);
      }
      to[column + r] = best;
    }
  }
}
