// Counts of the histogram against numpy's (tests/fixtures/golden.py), and axes by example.
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  below,
  equalBins,
  equalEdges,
  finiteRange,
  octaveBins,
  octaves,
  shownOctaves,
  whole,
} from './distribution';
import { countRange } from '../drawing/count-axis';
import { grouped, share, short } from '../drawing/format';
import { nothing, shares } from '../drawing/shares';
import { asCube } from './slicing';
import type { Cube } from './slicing';
import { roundTicks } from '../drawing/ticks';

interface Golden {
  shape: number[];
  values: (number | string)[];
  mask: number[];
  cases: {
    samples: [number, number];
    channels: [number, number];
    masked: boolean;
    total: number;
    zeros: number;
    nans: number;
    infinities: number;
    octaves: number[];
    range: [number, number];
    edges: number[];
    counts: number[];
  }[];
}

const path = new URL('../../../tests/fixtures/golden.json', import.meta.url);
const golden = (JSON.parse(readFileSync(path, 'utf8')) as { distribution: Golden }).distribution;
const names: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };
const values = golden.values.map((v) => (typeof v === 'number' ? v : names[v]));
const cube = asCube(Float32Array.from(values), golden.shape);
const mask = Float32Array.from(golden.mask);

/** One sample of one timestep. */
function flat(...data: number[]): Cube {
  return asCube(Float32Array.from(data), [1, data.length]);
}

function count(data: Cube): ReturnType<typeof octaves> {
  return octaves(data, whole(data), null);
}

describe('counts', () => {
  it.each(golden.cases)('are those of numpy: samples $samples, channels $channels, masked $masked', (c) => {
    const block = { ...whole(cube), samples: c.samples, channels: c.channels };
    const hidden = c.masked ? mask : null;
    const found = octaves(cube, block, hidden);
    const { total, zeros, nans, infinities } = c;
    expect(found).toMatchObject({ total, zeros, nans, infinities });
    expect([...found.counts]).toEqual(c.octaves);
    expect(finiteRange(cube, block, hidden, found)).toEqual(c.range);
    const edges = equalEdges(c.range, 60);
    expect([...edges]).toEqual(c.edges);
    expect([...equalBins(cube, block, hidden, edges).counts]).toEqual(c.counts);
  });

  it('of a part are made between the edges of the whole', () => {
    const data = flat(-1, -0.5, 0, 0.5, 1);
    const edges = equalEdges([-0.5, 0.5], 2);
    expect([...equalBins(data, whole(data), null, edges).counts]).toEqual([1, 2]);
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
    expect([...equalBins(data, whole(data), null, edges).counts]).toEqual(want);
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
    expect(below(few, shown)).toBe(1);
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

describe('words', () => {
  it.each([
    [0, 10, '0 %'],
    [1, 10_000, '<0.1 %'],
    [31, 1000, '3.1 %'],
    [2, 10, '20 %'],
    [996, 1000, '99.6 %'],
    [9999, 10_000, '>99.9 %'],
    [10, 10, '100 %'],
  ])('%d of %d is a share of %s', (part, total, text) => {
    expect(share(part, total)).toBe(text);
  });

  it('shorten counts on axes only', () => {
    expect([0, 1, 800, 1000, 2500, 30_000, 1_500_000, 2e9].map(short)).toEqual(
      ['0', '1', '800', '1k', '2.5k', '30k', '1.5M', '2G'],
    );
    expect(grouped(1_234_567)).toBe('1,234,567');
  });

  it('tell zeros, NaN and infinities, also that there are none', () => {
    const tally = { total: 2_000_000, zeros: 250_000, nans: 1, infinities: 0 };
    const told = shares(tally, false);
    expect(told.map(({ text }) => text)).toEqual(
      ['13 %', '250,000 zeros', '<0.1 %', '1 NaN', 'no Inf'],
    );
    expect(told.map(({ kind }) => kind)).toEqual(['strong', 'quiet', 'alarm', 'alarm', 'quiet']);
    expect(shares(tally, true)[1].text).toBe('250k zeros');
  });

  it('say why there is nothing to draw', () => {
    expect(nothing(count(flat(0, 0)))).toBe('all 2 values are zero');
    expect(nothing(count(flat(NaN)))).toBe('the only value is NaN');
    expect(nothing(count(flat(NaN, 0, Infinity)))).toBe('all 3 values are zero or NaN or infinite');
    const masked = octaves(flat(1), whole(flat(1)), Float32Array.of(0));
    expect(nothing(masked)).toBe('every timestep is masked');
  });
});

describe('axes', () => {
  it('have round ticks', () => {
    expect(roundTicks(-0.9, 1.1, 4)).toEqual([-0.5, 0, 0.5, 1]);
    expect(roundTicks(-17.4, -1.5, 8, 1)).toEqual([-16, -14, -12, -10, -8, -6, -4, -2]);
  });

  it('hold counts from zero, or from half a one where they are logarithmic', () => {
    expect(countRange(16_000, false)).toEqual({
      min: 0,
      max: 17_500,
      ticks: [[0, '0'], [5000, '5k'], [10_000, '10k'], [15_000, '15k']],
    });
    expect(countRange(1, false).ticks).toEqual([[0, '0'], [1, '1']]);
    const log = countRange(500, true);
    expect(log).toMatchObject({ min: Math.log10(0.5), max: 3 });
    expect(log.ticks.map(([, text]) => text)).toEqual(['1', '10', '100', '1k']);
  });
});
