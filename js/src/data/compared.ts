// Pure: the lines of runs that are compared, by lag. As Python does it (comparison/curves.py).

import type { PlotArray } from './slicing';
import type { Quartiles } from './statistics';
import { quartiles } from './statistics';

/** What the runs are: the condition that each is a repeat of, and which one is the base. */
export interface Groups {
  readonly names: readonly string[];
  /** For each run the index of its name. */
  readonly of: readonly number[];
  readonly base: number;
}

/** A condition: quartiles over all samples of its repeats, and each repeat's median. */
export interface Line extends Quartiles {
  readonly group: number;
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
    const repeats = norms.length === 1 ? [] : norms.map((own) => over(array, [own]).median);
    lines.push({ group, ...over(array, norms), repeats });
  });
  return lines;
}

/** Quartiles over the samples of runs. */
function over({ timesteps }: PlotArray, norms: readonly Float64Array[]): Quartiles {
  const values = Float64Array.from(norms.flatMap((own) => [...own]));
  return quartiles({ samples: values.length / timesteps, timesteps, values, largest: 0 });
}

function runsOf({ of }: Groups, group: number): number[] {
  return of.flatMap((own, run) => (own === group ? [run] : []));
}

/** The norms of a run, (sample, lag). */
function absolute({ data, timesteps, channels: samples }: PlotArray, run: number): Float64Array {
  const norms = new Float64Array(samples * timesteps);
  for (let lag = 0; lag < timesteps; lag++) {
    for (let sample = 0; sample < samples; sample++) {
      norms[sample * timesteps + lag] = data[(run * timesteps + lag) * samples + sample];
    }
  }
  return norms;
}

/** The same as shares of that at lag 0 of the same sample; NaN where that is none. */
function relative(array: PlotArray, run: number): Float64Array {
  const norms = absolute(array, run);
  const { timesteps } = array;
  return norms.map((norm, i) => {
    const first = norms[i - (i % timesteps)];
    return first > 0 ? norm / first : NaN;
  });
}

function divided(norms: Float64Array, by: Float64Array): Float64Array {
  return norms.map((norm, i) => (by[i] > 0 ? norm / by[i] : NaN));
}
