// Pure: the lines of runs that are compared, by lag. As Python does it (comparison/curves.py).

import type { PlotArray } from './slicing';

/** What the runs are: the condition that each is a repeat of, and which one is the base. */
export interface Groups {
  readonly names: readonly string[];
  /** For each run the index of its name. */
  readonly of: readonly number[];
  readonly base: number;
}

/** A condition: median and quartiles over all samples of its repeats, and each repeat's median. */
export interface Line {
  readonly group: number;
  readonly lower: Float64Array;
  readonly median: Float64Array;
  readonly upper: Float64Array;
  /** One for each repeat; none where there is only one. */
  readonly repeats: readonly Float64Array[];
}

/** What the norms are divided by: nothing, those at lag 0, or those of the base relative to lag 0. */
export type Kind = 'absolute' | 'relative' | 'ratio';

/**
 * The lines of all conditions; of ratios without that of the base.
 *
 * @param array - norms (run, lag, sample), NaN where there is none
 */
export function linesOf(array: PlotArray, groups: Groups, kind: Kind): Line[] {
  const lines: Line[] = [];
  const base = runsOf(groups, groups.base);
  groups.names.forEach((_, group) => {
    if (kind === 'ratio' && group === groups.base) {
      return;
    }
    const runs = runsOf(groups, group);
    const paired = kind === 'ratio' ? runs.slice(0, base.length) : runs;
    const norms = paired.map((run, repeat) =>
      kind === 'ratio'
        ? divided(relative(array, run), relative(array, base[repeat]))
        : kind === 'relative'
          ? relative(array, run)
          : absolute(array, run),
    );
    const [lower, median, upper] = overSamples(norms, array.timesteps);
    const repeats =
      norms.length === 1 ? [] : norms.map((own) => overSamples([own], array.timesteps)[1]);
    lines.push({ group, lower, median, upper, repeats });
  });
  return lines;
}

function runsOf({ of }: Groups, group: number): number[] {
  return of.flatMap((own, run) => (own === group ? [run] : []));
}

/** The norms of a run, (lag, sample). */
function absolute({ data, timesteps, channels }: PlotArray, run: number): Float64Array {
  const size = timesteps * channels;
  return Float64Array.from(data.subarray(run * size, (run + 1) * size));
}

/** The same as shares of that at lag 0 of the same sample; NaN where that is none. */
function relative(array: PlotArray, run: number): Float64Array {
  const norms = absolute(array, run);
  const { channels: samples } = array;
  const first = norms.slice(0, samples).map((norm) => (norm > 0 ? norm : NaN));
  return norms.map((norm, i) => norm / first[i % samples]);
}

function divided(norms: Float64Array, by: Float64Array): Float64Array {
  return norms.map((norm, i) => (by[i] > 0 ? norm / by[i] : NaN));
}

/** Lower quartile, median and upper quartile over the finite values at each lag. */
function overSamples(
  norms: readonly Float64Array[],
  lags: number,
): [Float64Array, Float64Array, Float64Array] {
  const found: [Float64Array, Float64Array, Float64Array] = [
    new Float64Array(lags),
    new Float64Array(lags),
    new Float64Array(lags),
  ];
  for (let lag = 0; lag < lags; lag++) {
    const values: number[] = [];
    for (const own of norms) {
      const samples = own.length / lags;
      for (let s = lag * samples; s < (lag + 1) * samples; s++) {
        if (Number.isFinite(own[s])) {
          values.push(own[s]);
        }
      }
    }
    const sorted = Float64Array.from(values).sort();
    [0.25, 0.5, 0.75].forEach((share, i) => {
      found[i][lag] = quantile(sorted, share);
    });
  }
  return found;
}

/** Interpolated linearly between two values, as numpy does. */
function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) {
    return NaN;
  }
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
