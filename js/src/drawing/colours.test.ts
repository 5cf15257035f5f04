// The browser's colours against those that numpy wrote (tests/fixtures/golden.py).
import { describe, expect, it } from 'vitest';

import { golden } from '../testing/golden';
import {
  entryOf,
  makeLogPalette,
  makePalette,
  makeTable,
  pack,
  paintCells,
  parseColour,
} from './colours';

describe('colours', () => {
  // bqplot's colour scale, by numpy's definition: linear between the stops
  const between =
    (stops: string[], low: number, high: number) =>
    (v: number): string => {
      const place = ((v - low) / (high - low)) * (stops.length - 1);
      const i = Math.min(Math.floor(place), stops.length - 2);
      const channel = (hex: string, k: number): number =>
        parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
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
