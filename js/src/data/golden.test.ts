// The browser's slices and colours against those that numpy wrote (tests/fixtures/golden.py).
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { entryOf, makeLogPalette, makePalette, makeTable, paintCells, pack, parseColour } from '../drawing/colours';
import { normsOverChannels, notReached, quartiles, together } from './statistics';
import { spread } from '../drawing/label-spacing';
import {
  asCube,
  channelMaximum,
  normOverChannels,
  pool,
  row,
  rowsOfChannel,
  rowsOfSample,
  series,
  valueAt,
} from './slicing';

type Value = number | string;
interface Golden {
  flow: {
    start: number;
    stop: number;
    flip: boolean;
    mask: number[];
    norms: Value[];
    quartiles: Value[];
  }[];
  shape: number[];
  values: Value[];
  pooled: {
    sample: number;
    reflect: boolean;
    start: number;
    stop: number;
    rows: number;
    cols: number;
    cells: Value[];
  }[];
  spans: { span: [number, number]; reflect: boolean; rows: number; cols: number; cells: Value[] }[];
  series: { sample: number; channel: number; reflect: boolean; values: Value[] }[];
  norms: { timestep: number; value: number }[];
  stops: string[];
  colours: { value: number; limit: number; rgb: [number, number, number] }[];
  sequential: string[];
  log_colours: { value: number; limit: number; rgb: [number, number, number] }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../tests/fixtures/golden.json', import.meta.url), 'utf8'),
) as Golden;

/** JSON has no NaN and no infinity: they stand there by name. */
function number(value: Value): number {
  const names: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };
  return typeof value === 'number' ? value : names[value];
}

const cube = asCube(Float32Array.from(golden.values, number), golden.shape);

describe('slicing', () => {
  it.each(golden.pooled)('pools sample $sample, reflect $reflect, $start..$stop to $rows x $cols', (c) => {
    const out = new Float32Array(c.rows * c.cols).fill(7);
    const rows = rowsOfSample(cube, c.sample, c.start, c.stop, c.reflect);
    pool(cube, rows, [0, cube.timesteps], c.rows, c.cols, out);
    expect([...out]).toEqual(c.cells.map(number));
  });

  it.each(golden.spans)('pools timesteps $span, reflect $reflect, to $rows x $cols', (c) => {
    const out = new Float32Array(c.rows * c.cols).fill(7);
    pool(cube, rowsOfSample(cube, 0, 0, 6, c.reflect), c.span, c.rows, c.cols, out);
    expect([...out]).toEqual(c.cells.map(number));
  });

  it.each([true, false])('takes a channel of every sample, a span of it, reflect %s', (reflect) => {
    const out = new Float32Array(3 * cube.samples);
    for (const channel of [1, 4]) {
      pool(cube, rowsOfChannel(cube, channel, reflect), [1, 4], cube.samples, 3, out);
      const wanted = [1, 2, 3].flatMap((t) =>
        Array.from({ length: cube.samples }, (_, s) => valueAt(cube, s, t, channel, reflect)),
      );
      expect([...out]).toEqual(wanted);
    }
  });

  it.each(golden.series)('cuts sample $sample, channel $channel, reflect $reflect', (c) => {
    expect([...series(cube, c.sample, c.channel, c.reflect)]).toEqual(c.values.map(number));
    c.values.forEach((value, t) => {
      expect(valueAt(cube, c.sample, t, c.channel, c.reflect)).toEqual(number(value));
    });
  });

  it.each(golden.norms)('takes the norm over channels at $timestep', ({ timestep, value }) => {
    expect(normOverChannels(cube, 2, timestep, true)).toBeCloseTo(value, 12);
  });

  it('finds the largest finite magnitude of a channel', () => {
    const column = golden.values.map(number).filter((_, i) => i % 6 === 4);
    const finite = column.filter(Number.isFinite).map(Math.abs);
    expect(channelMaximum(cube, 4)).toBe(Math.max(...finite));
  });

  it('sees an array without time as one timestep', () => {
    const flat = asCube(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]);
    expect([...row(flat, 1)]).toEqual([4, 5, 6]);
  });

  it('refuses a buffer that does not fill its shape', () => {
    expect(() => asCube(new Float32Array(5), [2, 3])).toThrow(/fill its shape; received 5/);
  });
});

describe('flow', () => {
  it.each(golden.flow)('norms and quartiles of channels $start..$stop, flip $flip', (c) => {
    const norms = normsOverChannels(cube, c.start, c.stop, c.flip, Float32Array.from(c.mask));
    const { lower, median, upper } = quartiles(norms);
    const near = (got: Float64Array, want: Value[]): void =>
      want.map(number).forEach((value, i) => {
        if (Number.isFinite(value)) {
          expect(got[i]).toBeCloseTo(value, 10);
        } else {
          expect(got[i]).toEqual(value);
        }
      });
    near(norms.values, c.norms);
    near(Float64Array.of(...lower, ...median, ...upper), c.quartiles);
    const finite = c.norms.map(number).filter(Number.isFinite);
    expect(norms.largest).toBeCloseTo(Math.max(...finite), 10);
  });

  it('takes two halves together as the norms that are shown', () => {
    const whole = together(
      normsOverChannels(cube, 0, 3, false, null),
      normsOverChannels(cube, 3, 6, true, null),
    );
    golden.norms.forEach(({ timestep, value }) => {
      expect(whole.values[2 * whole.timesteps + timestep]).toBeCloseTo(value, 5);
    });
  });

  it('finds the longest run below the threshold', () => {
    const median = Float64Array.of(0, 1, 1e-9, 0, 1e-10, 1, NaN, 0);
    expect(notReached(median, 1)).toEqual([2, 4]);
    expect(notReached(Float64Array.of(1, NaN), 1)).toBeNull();
    expect(notReached(Float64Array.of(0, 0), 1)).toEqual([0, 1]);
  });

  it('keeps labels apart and inside', () => {
    expect(spread([50, 52, 10], 9, 100)).toEqual([50, 64, 10]);
    expect(spread([99, 98], 9, 100)).toEqual([100, 86]);
  });
});

describe('colours', () => {
  // bqplot's colour scale, by numpy's definition: linear between the stops
  const between = (stops: string[], low: number, high: number) => (v: number): string => {
    const place = ((v - low) / (high - low)) * (stops.length - 1);
    const i = Math.min(Math.floor(place), stops.length - 2);
    const channel = (hex: string, k: number): number => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
    const mix = (k: number): number =>
      channel(stops[i], k) + (place - i) * (channel(stops[i + 1], k) - channel(stops[i], k));
    return `rgb(${mix(0)}, ${mix(1)}, ${mix(2)})`;
  };
  const table = makeTable(between(golden.stops, -0.5, 0.5), -0.5, 0.5);
  const norm = { vmin: -0.5, vmax: 0.5 };

  const expectColour = (value: number, palette: Uint32Array, rgb: number[], away: number): void => {
    const pixel = new Uint32Array(1);
    paintCells(Float32Array.of(value), 1, 1, palette, pixel);
    [0, 8, 16].forEach((shift, k) => {
      expect(Math.abs(((pixel[0] >> shift) & 255) - rgb[k])).toBeLessThanOrEqual(away);
    });
  };

  it.each(golden.colours)('gives $value the colour $rgb', ({ value, rgb }) => {
    expectColour(value, makePalette(table, norm, 0), rgb, 4);
  });

  it.each(golden.log_colours)('gives log10 |$value| the colour $rgb', ({ value, limit, rgb }) => {
    const decades = makeTable(between(golden.sequential, -8, 0), -8, 0);
    expectColour(value, makeLogPalette(decades, limit, parseColour('#f1f1ef'), 0), rgb, 2);
  });

  it('shows NaN and infinities among logarithms', () => {
    const palette = makeLogPalette(makeTable(between(golden.sequential, -8, 0), -8, 0), 1, 7, 42);
    const pixels = new Uint32Array(3);
    paintCells(Float32Array.of(NaN, Infinity, -Infinity), 1, 3, palette, pixels);
    expect([...pixels]).toEqual([42, 42, 42]);
  });

  it('gives zero, of either sign, exactly the middle stop', () => {
    const pixels = new Uint32Array(2);
    paintCells(Float32Array.of(0, -0), 1, 2, makePalette(table, norm, 0), pixels);
    expect([...pixels]).toEqual([parseColour('#ffffff'), parseColour('#ffffff')]);
  });

  it('clips to a range inside the table and keeps zero neutral there', () => {
    const narrow = { vmin: -0.1, vmax: 0.5 };
    expect(entryOf(-0.4, table, narrow)).toBe(entryOf(-0.1, table, narrow));
    expect(table.colours[entryOf(0, table, narrow)]).toBe(parseColour('#ffffff'));
  });

  it('paints row 0 at the bottom, and NaN and infinities in their own colour', () => {
    const cells = Float32Array.from([-0.5, 0.5, NaN, Infinity]); // two columns of two rows
    const pixels = new Uint32Array(4);
    const alarm = parseColour('#d500f9');
    paintCells(cells, 2, 2, makePalette(table, norm, alarm), pixels);
    expect([...pixels]).toEqual([table.colours[256], alarm, table.colours[0], alarm]);
  });

  it('shows a NaN of any payload as such', () => {
    const bits = Uint32Array.of(0x7fc00000, 0x7fffffff, 0xff800001, 0x7f800000);
    const pixels = new Uint32Array(4);
    paintCells(new Float32Array(bits.buffer), 1, 4, makePalette(table, norm, 42), pixels);
    expect([...pixels]).toEqual([42, 42, 42, 42]);
  });

  it('reads the notations of CSS', () => {
    expect(parseColour('#0f8')).toBe(pack(0, 255, 136));
    expect(parseColour('rgba(1, 2.4, 3, 0.5)')).toBe(pack(1, 2, 3));
    expect(() => parseColour('blueish')).toThrow(/received blueish/);
  });
});
