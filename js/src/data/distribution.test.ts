// Counts of the histogram against numpy's (tests/fixtures/golden.py), and axes by example.
import { describe, expect, it } from 'vitest';

import * as fixtures from '../testing/golden';
import {
  countBelow,
  equalBins,
  equalEdges,
  finiteRange,
  octaveBins,
  octaves,
  shownBlocks,
  shownOctaves,
  wholeBlock,
} from './distribution';
import type { PlotArray } from './slicing';
import { asPlotArray } from './slicing';

const golden = fixtures.golden.distribution;
const plotArray = asPlotArray(Float32Array.from(golden.values, fixtures.number), golden.shape);
const mask = Float32Array.from(golden.mask);

/** One sample of one timestep. */
function flat(...data: number[]): PlotArray {
  return asPlotArray(Float32Array.from(data), [1, data.length]);
}

function count(data: PlotArray): ReturnType<typeof octaves> {
  return octaves(data, [wholeBlock(data)], null);
}

describe('counts', () => {
  it.each(golden.cases)(
    'are those of numpy: samples $samples, channels $channels, masked $masked',
    (c) => {
      const block = { ...wholeBlock(plotArray), samples: c.samples, channels: c.channels };
      const hidden = c.masked ? mask : null;
      const found = octaves(plotArray, [block], hidden);
      const { total, zeros, nans, infinities } = c;
      expect(found).toMatchObject({ total, zeros, nans, infinities });
      expect([...found.counts]).toEqual(c.octaves);
      expect(finiteRange(plotArray, [block], hidden, found)).toEqual(c.range);
      const edges = equalEdges(c.range, 60);
      expect([...edges]).toEqual(c.edges);
      expect([...equalBins(plotArray, [block], hidden, edges).counts]).toEqual(c.counts);
    },
  );

  it.each([
    [[1, 2], false, [2, 3, 4, 5]],
    [[0, 1], true, [0, 2, 5, 7]], // channel 1 is reflected: its timesteps 3 and 2
    [[0, 3], true, [0, 1, 2, 3, 4, 5, 6, 7]],
  ] as const)('of the range %j, reflected: %j, are of what is shown', (range, reflect, wanted) => {
    // value 2^i at place i: each has an octave of its own
    const data = asPlotArray(
      Float32Array.from({ length: 8 }, (_, i) => 2 ** i),
      [1, 4, 2],
    );
    const { counts } = octaves(data, shownBlocks(data, range, reflect), null);
    const one = octaves(flat(1), [wholeBlock(flat(1))], null).counts.indexOf(1);
    const found = [...counts].flatMap((count, i) => (count > 0 ? [i - one] : []));
    expect(found).toEqual(wanted);
  });

  it('of a part are made between the edges of the whole', () => {
    const data = flat(-1, -0.5, 0, 0.5, 1);
    const edges = equalEdges([-0.5, 0.5], 2);
    expect([...equalBins(data, [wholeBlock(data)], null, edges).counts]).toEqual([1, 2]);
  });

  it('put a value that lies on an edge above it, at the last edge below it', () => {
    // 0.1 * 3 > 0.3, and so for others: where rounding would put values on the wrong side
    const edges = equalEdges([0, 0.75], 60);
    const data = flat(...Float32Array.from(edges));
    const want = new Array<number>(60).fill(0);
    data.data.forEach((v) => {
      const bin = edges.filter((edge) => edge <= v).length - 1;
      want[Math.min(bin, 59)]++;
    });
    expect([...equalBins(data, [wholeBlock(data)], null, edges).counts]).toEqual(want);
  });

  it('give a lone value room round it', () => {
    expect([...equalEdges([2, 2], 2)]).toEqual([1, 2, 3]);
    expect([...equalEdges([-0, 0], 2)]).toEqual([-0.5, 0, 0.5]);
  });
});

describe('the axis of magnitudes', () => {
  it('holds all octaves that have values, a dozen at least', () => {
    expect(shownOctaves(count(flat(1, -1, 1.5)))).toEqual([143, 155]);
    const [first, end] = shownOctaves(count(flat(1, 2 ** -40))) as [number, number];
    expect([first, end]).toEqual([149 - 40, 150]);
  });

  it('leaves few values below 16 decades, and counts them', () => {
    const ones = new Array<number>(20).fill(1);
    const few = count(flat(1e-30, 2 ** -52, ...ones));
    const shown = shownOctaves(few) as [number, number];
    expect(shown).toEqual([150 - 53, 150]);
    expect(countBelow(few, shown)).toBe(1);
    expect(octaveBins(few, shown).edges[0]).toBe(2 ** -52);
    expect(octaveBins(few, shown).edges[53]).toBe(2);
    // one octave lower, and the axis begins with what is left
    expect(shownOctaves(count(flat(1e-30, 2 ** -53, 2 ** -20, ...ones)))).toEqual([129, 150]);
  });

  it('goes on to where many values lie', () => {
    const many = count(flat(1e-30, 1e-30, 1, 1, 1, 1e-35));
    expect(shownOctaves(many)?.[0]).toBe(Math.floor(Math.log2(1e-35)) + 149);
    expect(shownOctaves(count(flat(1e-45, 3e38)))).toEqual([0, 277]);
  });

  it('has nothing to show of zeros and what is not finite', () => {
    const none = count(flat(0, -0, NaN, Infinity));
    expect(shownOctaves(none)).toBeNull();
    expect(none).toMatchObject({ total: 4, zeros: 2, nans: 1, infinities: 1 });
  });
});
