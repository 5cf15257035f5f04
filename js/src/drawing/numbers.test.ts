// Numbers, ticks and slider places: pure functions, by example.
import { describe, expect, it } from 'vitest';

import { number, range, tick } from './format';
import { handlesOf, limitAt, normOfHandles, stopOf, STOPS } from './norms';
import { fromWire, toWire } from '../data/wire';
import { evenTicks, indexTicks, outerTick, withoutChip } from './ticks';

describe('format', () => {
  it.each([
    [0.031, false, '3.1e-2'],
    [-0.008, true, '−8.0e-3'],
    [0.0056, true, '+5.6e-3'],
    [0, true, '0'],
    [-0, true, '0'],
    [1234, false, '1.2e3'],
    [NaN, true, 'NaN'],
    [-Infinity, true, '−Inf'],
  ])('writes %d', (value, plus, text) => {
    expect(number(value, plus)).toBe(text);
  });

  it('drops a zero decimal on axes', () => {
    expect([0.02, -0.015, 0].map(tick)).toEqual(['2e-2', '−1.5e-2', '0']);
  });

  it('writes small whole numbers as they are on axes', () => {
    expect([-20, 1, 999, 1000, 2.5].map(tick)).toEqual(['−20', '1', '999', '1e3', '2.5e0']);
  });

  it('writes a symmetric range with ±', () => {
    expect(range(-0.008, 0.008)).toBe('±8.0e-3');
    expect(range(-0.002, 0.008)).toBe('−2.0e-3 … +8.0e-3');
  });
});

describe('ticks', () => {
  it('labels every tenth of 100 timesteps and the last', () => {
    expect(indexTicks(0, 99, 1044, 72)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99]);
  });
  it('keeps the last one apart from its neighbour', () => {
    expect(indexTicks(0, 63, 1000, 72)).toEqual([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 63]);
    expect(indexTicks(0, 0, 1000, 72)).toEqual([0]);
    expect(indexTicks(0, 1, 1000, 72)).toEqual([0, 1]);
    expect(indexTicks(23, 71, 600, 72)).toEqual([30, 40, 50, 60, 71]);
  });
  it('spreads channels evenly', () => {
    expect(evenTicks(256, 4)).toEqual([0, 64, 128, 192, 255]);
    expect(evenTicks(6, 4)).toEqual([0, 2, 3, 5]);
    expect(evenTicks(1, 4)).toEqual([0]);
  });
  it('finds the outer tick of a symmetric axis', () => {
    expect([0.031, 0.05, 0.9, 1].map(outerTick)).toEqual([0.02, 0.05, 0.5, 1]);
  });
  it('makes room for the chip, but never removes the last tick', () => {
    expect(withoutChip([0, 10, 20], 11, 3)).toEqual([0, 20]);
    expect(withoutChip([0], 0, 3)).toEqual([0]);
  });
});

describe('norm sliders', () => {
  it('has each place where its limit is', () => {
    for (let stop = 0; stop <= STOPS; stop++) {
      expect(stopOf(limitAt(stop, -2), -2)).toBe(stop);
    }
    expect(limitAt(STOPS, -2)).toBe(1e-2);
    expect(limitAt(0, -2)).toBe(1e-10);
  });
  it('goes to its ends for limits beyond them', () => {
    expect(stopOf(5, -2)).toBe(STOPS);
    expect(stopOf(1e-20, -2)).toBe(0);
  });
  it('keeps the exact value of a handle that stays', () => {
    const old = { vmin: -0.00333, vmax: 0.008 };
    const [low, high] = handlesOf(old, -2);
    expect(normOfHandles([low, high - 20], old, -2)).toEqual({ vmin: -0.00333, vmax: 0.007 });
    expect(normOfHandles([low, high], old, -2)).toEqual(old);
    expect(normOfHandles([high, high], old, -2)).toEqual(old);
  });
});

describe('wire', () => {
  const bytes = new Uint8Array(4 * 6 + 3);
  new Float32Array(bytes.buffer, 0, 6).set([1, 2, 3, 4, 5, 6]);

  it('reads an aligned buffer in place and one that is not by copying', () => {
    const wire = (offset: number): Parameters<typeof fromWire>[0] => ({
      dtype: 'float32',
      shape: [1, 2],
      data: new DataView(bytes.buffer, offset, 8),
    });
    expect([...(fromWire(wire(4))?.values ?? [])]).toEqual([2, 3]);
    expect(fromWire(wire(4))?.values.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(12);
    shifted.set(new Uint8Array(Float32Array.from([8, 9]).buffer), 3);
    const odd = { dtype: 'float32', shape: [1, 2], data: new DataView(shifted.buffer, 3, 8) };
    expect([...(fromWire(odd)?.values ?? [])]).toEqual([8, 9]);
  });

  it('refuses another type and a buffer that does not fit', () => {
    const data = new DataView(bytes.buffer, 0, 8);
    expect(() => fromWire({ dtype: 'float64', shape: [1], data })).toThrow(/received float64/);
    expect(() => fromWire({ dtype: 'float32', shape: [3], data })).toThrow(/received 8 bytes/);
  });

  it('sends back what came', () => {
    const array = fromWire({ dtype: 'float32', shape: [2, 3], data: new DataView(bytes.buffer, 0, 24) });
    const wire = toWire(array);
    expect(wire?.shape).toEqual([2, 3]);
    expect(fromWire(wire)?.values).toEqual(array?.values);
    expect(toWire(fromWire(null))).toBeNull();
  });
});
