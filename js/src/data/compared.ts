// Pure: the lines of runs that are compared, by lag. As Python does it (comparison/curves.py).

import type { PlotArray } from './slicing';
import type { Quartiles } from './statistics';
import { quartiles } from './statistics';

/** A run: its norms, (sample, lag, direction), and which timesteps count. */
export interface Run {
  /** Null before anything of it is there. */
  readonly array: PlotArray | null;
  readonly directions: readonly string[];
}

/** What places on the axis are. */
export type Align = 'lag' | 'timestep';

/** The norms of all runs, one beside the other; a row is a run in one direction. */
export interface Stack {
  /** (row, place, sample), NaN where there is none. */
  readonly array: PlotArray;
  /** Those at lag 0, (row, sample), which others are relative to. */
  readonly first: Float32Array;
}

/**
 * Lay runs one over the other: by lag as they are, or at their timesteps. Masked timesteps are no
 * lags, and a backward layer processes the last timestep first.
 */
export function stacked(runs: readonly Run[], align: Align): Stack {
  const arrays = runs.flatMap(({ array }) => (array === null ? [] : [array]));
  const most = (count: (array: PlotArray) => number): number =>
    arrays.reduce((largest, array) => Math.max(largest, count(array)), 1);
  const directions = most(({ channels }) => channels);
  const [samples, timesteps] = [most((array) => array.samples), most((each) => each.timesteps)];
  const rows = runs.length * directions;
  const data = new Float32Array(rows * timesteps * samples).fill(NaN);
  const first = new Float32Array(rows * samples).fill(NaN);
  const array = { data, samples: rows, timesteps, channels: samples, mask: null };
  runs.forEach((run, i) => {
    for (let direction = 0; direction < (run.array?.channels ?? 0); direction++) {
      fillRow({ array, first }, i * directions + direction, run, direction, align);
    }
  });
  return { array, first };
}

function fillRow(stack: Stack, row: number, run: Run, direction: number, align: Align): void {
  const { data, timesteps: places, channels: most } = stack.array;
  const { data: own, samples, timesteps, channels } = run.array as PlotArray;
  const backward = run.directions[direction] === 'backward';
  for (let sample = 0; sample < samples; sample++) {
    const order = align === 'lag' ? null : orderOf(run.array as PlotArray, sample, backward);
    const at = (lag: number): number => own[(sample * timesteps + lag) * channels + direction];
    stack.first[row * most + sample] = at(0);
    for (let lag = 0; lag < (order?.length ?? timesteps); lag++) {
      data[(row * places + (order?.[lag] ?? lag)) * most + sample] = at(lag);
    }
  }
}

/** The timesteps of a sample, from the one that was processed last. */
function orderOf({ mask, timesteps }: PlotArray, sample: number, backward: boolean): number[] {
  const counted = Array.from({ length: timesteps }, (_, t) => t).filter(
    (t) => (mask?.[sample * timesteps + t] ?? 1) === 1,
  );
  return backward ? counted : counted.reverse();
}

/** What the runs are: the condition that each is a repeat of, and which one is the base. */
export interface Groups {
  readonly names: readonly string[];
  /** For each row of the stack the index of its name; -1 for one that is not drawn. */
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

/** The lines of the conditions of a page; of ratios without that of the base. */
export function linesOf(stack: Stack, groups: Groups, kind: Kind, page = 1): Line[] {
  const { array } = stack;
  const lines: Line[] = [];
  const base = runsOf(groups, groups.base);
  groups.names.forEach((_, group) => {
    const isLeftOut = kind === 'ratio' && group === groups.base;
    if (isLeftOut || !isOnPage(group, groups.base, page)) {
      return;
    }
    const runs = runsOf(groups, group);
    const paired = kind === 'ratio' ? runs.slice(0, base.length) : runs;
    const norms = paired.map((run, repeat) =>
      kind === 'ratio'
        ? divided(relative(stack, run), relative(stack, base[repeat]))
        : kind === 'relative'
          ? relative(stack, run)
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
function relative({ array, first }: Stack, run: number): Float64Array {
  const norms = absolute(array, run);
  const { timesteps, channels: samples } = array;
  return norms.map((norm, i) => {
    const last = first[run * samples + Math.floor(i / timesteps)];
    return last > 0 ? norm / last : NaN;
  });
}

function divided(norms: Float64Array, by: Float64Array): Float64Array {
  return norms.map((norm, i) => (by[i] > 0 ? norm / by[i] : NaN));
}

/** Conditions of a page. Python knows the same number as `RunStack.PER_PAGE`. */
export const PER_PAGE = 12;

/** Whether a condition is on a page, counted from 1; the base is on all of them. */
export function isOnPage(group: number, base: number, page: number): boolean {
  return group === base || Math.floor(group / PER_PAGE) + 1 === page;
}
