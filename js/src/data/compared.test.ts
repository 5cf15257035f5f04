import { describe, expect, it } from 'vitest';

import type { Groups, Kind, Run, Stack } from './compared';
import { linesOf, stacked } from './compared';
import { asPlotArray } from './slicing';

// (run, lag, sample): two repeats of a, two of b; the second sample of b's first run has no lag 2
const NORMS = [
  [
    [2, 4],
    [1, 1],
    [0.5, 0.25],
  ],
  [
    [10, 10],
    [5, 5],
    [1, 3],
  ],
  [
    [1, 2],
    [1, 1],
    [1, NaN],
  ],
  [
    [0, 4],
    [3, 2],
    [3, 1],
  ],
];
const ARRAY = asPlotArray(Float32Array.from(NORMS.flat(2)), [4, 3, 2]);
const STACK: Stack = { array: ARRAY, first: Float32Array.from(NORMS.flatMap((run) => run[0])) };
const GROUPS: Groups = { names: ['a', 'b'], of: [0, 0, 1, 1], base: 0 };

function lines(kind: Kind): [string, number[][]][] {
  return linesOf(STACK, GROUPS, kind).map(({ group, lower, median, upper, repeats }) => [
    GROUPS.names[group],
    [lower, median, upper, ...repeats].map((line) => [...line]),
  ]);
}

// as numpy.nanpercentile(..., (25, 50, 75)) gives them
describe('the lines of conditions', () => {
  it('as they are', () => {
    expect(lines('absolute')).toEqual([
      [
        'a',
        [
          [3.5, 1, 0.4375],
          [7, 3, 0.75],
          [10, 5, 1.5],
          [3, 1, 0.375],
          [10, 5, 2],
        ],
      ],
      [
        'b',
        [
          [0.75, 1, 1],
          [1.5, 1.5, 1],
          [2.5, 2.25, 2],
          [1.5, 1, 1],
          [2, 2.5, 2],
        ],
      ],
    ]);
  });

  it('relative to lag 0 of the same sample, which a sample without a gradient there has not', () => {
    const [[, a], [, b]] = lines('relative');
    expect(a[0].slice(0, 2)).toEqual([1, 0.4375]);
    expect(a[0][2]).toBeCloseTo(0.090625, 12);
    expect(a[1][1]).toBe(0.5);
    expect(a.slice(3).map(([, second]) => second)).toEqual([0.375, 0.5]);
    expect(b[1]).toEqual([1, 0.5, 0.625]);
  });

  it('as ratios to the base, repeat by repeat', () => {
    const [[name, own]] = lines('ratio');
    expect(lines('ratio')).toHaveLength(1);
    expect(name).toBe('b');
    // 1 / 0.5, 0.5 / 0.25 of the first repeat, 0.5 / 0.5 of the second
    expect(own.map(([, second]) => second)).toEqual([1.5, 2, 2, 2, 1]);
    expect(own[3][2]).toBe(4); // 1 / 0.25; the other has none
  });

  it('of one run has no thin lines', () => {
    const groups: Groups = { names: ['a', 'b', 'c'], of: [0, 1, 2, 2], base: 1 };
    expect(linesOf(STACK, groups, 'ratio').map(({ repeats }) => repeats.length)).toEqual([0, 0]);
    expect(linesOf(STACK, groups, 'relative').map(({ repeats }) => repeats.length)).toEqual([
      0, 0, 2,
    ]);
  });
});

describe('many conditions', () => {
  it('come in pages of twelve, each with the base', () => {
    const names = Array.from({ length: 30 }, (_, i) => `run ${i}`);
    const array = asPlotArray(new Float32Array(30).fill(1), [30, 1, 1]);
    const stack: Stack = { array, first: new Float32Array(30).fill(1) };
    const groups: Groups = { names, of: names.map((_, i) => i), base: 13 };
    const shown = (page: number, kind: Kind): number[] =>
      linesOf(stack, groups, kind, page).map(({ group }) => group);
    expect(shown(1, 'relative')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]);
    expect(shown(2, 'ratio')).toEqual([12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
    expect(shown(3, 'relative')).toEqual([13, 24, 25, 26, 27, 28, 29]);
  });
});

describe('runs on one axis', () => {
  // (sample, lag, direction): two samples, the second of which has two timesteps only
  const both: Run = {
    array: asPlotArray(
      Float32Array.from(
        [
          [1, 10, 2, 20, 3, 30],
          [4, 40, 5, 50, NaN, NaN],
        ].flat(),
      ),
      [2, 3, 2],
      Float32Array.from([1, 1, 1, 0, 1, 1]),
    ),
    directions: ['forward', 'backward'],
  };
  const short: Run = {
    array: asPlotArray(Float32Array.from([7, 8]), [1, 2, 1]),
    directions: [''],
  };
  const rows = ({ array }: Stack): number[][][] =>
    Array.from({ length: array.samples }, (_, row) =>
      Array.from({ length: array.timesteps }, (__, place) => [
        ...array.data.subarray(
          (row * array.timesteps + place) * array.channels,
          (row * array.timesteps + place + 1) * array.channels,
        ),
      ]),
    );

  it('by lag are as they came, a row for each direction', () => {
    const stack = stacked([both, short], 'lag');
    expect(rows(stack).slice(0, 3)).toEqual([
      [
        [1, 4],
        [2, 5],
        [3, NaN],
      ],
      [
        [10, 40],
        [20, 50],
        [30, NaN],
      ],
      [
        [7, NaN],
        [8, NaN],
        [NaN, NaN],
      ],
    ]);
    expect([...stack.first]).toEqual([1, 4, 10, 40, 7, NaN, NaN, NaN]);
  });

  it('by timestep begin at the last one that counts; backward, at the first one', () => {
    const stack = stacked([both, short], 'timestep');
    expect(rows(stack).slice(0, 3)).toEqual([
      [
        [3, NaN],
        [2, 5],
        [1, 4],
      ],
      [
        [10, NaN],
        [20, 40],
        [30, 50],
      ],
      [
        [8, NaN],
        [7, NaN],
        [NaN, NaN],
      ],
    ]);
    const { median } = linesOf(
      stack,
      { names: ['a'], of: [-1, -1, 0, -1], base: 0 },
      'relative',
    )[0];
    expect([...median]).toEqual([Math.fround(8) / 7, 1, NaN]);
  });

  it('of which nothing is there are empty', () => {
    const stack = stacked([{ array: null, directions: [] }], 'lag');
    expect([...stack.array.data]).toEqual([NaN]);
  });
});
