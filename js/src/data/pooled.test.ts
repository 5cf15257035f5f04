import { describe, expect, it } from 'vitest';

import { PooledCells } from './pooled';
import type { PlotArray, Span } from './slicing';
import { pool, rowsOfSample } from './slicing';

const SPAN: Span = [0, 6];
const [HEIGHT, WIDTH] = [2, 3];
const BYTES = 4 * HEIGHT * WIDTH;

function noise(mask: Float32Array | null = null): PlotArray {
  const data = Float32Array.from({ length: 4 * 6 * 5 }, (_, i) => Math.sin(i * i));
  return { data, samples: 4, timesteps: 6, channels: 5, mask };
}

function expected(array: PlotArray, sample: number, reflect = false): Float32Array {
  const cells = new Float32Array(HEIGHT * WIDTH);
  pool(array, rowsOfSample(array, sample, 0, 5, reflect), SPAN, HEIGHT, WIDTH, cells);
  return cells;
}

describe('pictures that were reduced once', () => {
  it('are those of pool, and the same ones again', () => {
    const pooled = new PooledCells(1e6);
    const array = noise();
    for (const sample of [0, 3, 1]) {
      const found = pooled.get(array, rowsOfSample(array, sample), SPAN, HEIGHT, WIDTH);
      expect(found).toEqual(expected(array, sample));
      const again = pooled.get({ ...array }, rowsOfSample(array, sample), SPAN, HEIGHT, WIDTH);
      expect(again).toBe(found);
    }
  });

  it('are made anew for another size, span, reflection, mask or array', () => {
    const pooled = new PooledCells(1e6);
    const array = noise();
    const rows = rowsOfSample(array, 1);
    const first = pooled.get(array, rows, SPAN, HEIGHT, WIDTH);
    expect(pooled.get(array, rows, SPAN, 3, WIDTH)).toHaveLength(3 * WIDTH);
    expect(pooled.get(array, rows, [1, 6], HEIGHT, WIDTH)).not.toEqual(first);
    const reflected = rowsOfSample(array, 1, 0, 5, true);
    expect(pooled.get(array, reflected, SPAN, HEIGHT, WIDTH)).toEqual(expected(array, 1, true));
    const masked = { ...array, mask: new Float32Array(24) };
    expect(pooled.get(masked, rows, SPAN, HEIGHT, WIDTH)).toEqual(new Float32Array(6));
    expect(pooled.get(noise(), rows, SPAN, HEIGHT, WIDTH)).not.toBe(first);
  });

  it('are given up where they do not fit, those first that were not asked for of late', () => {
    const pooled = new PooledCells(2 * BYTES);
    const array = noise();
    const get = (sample: number): Float32Array =>
      pooled.get(array, rowsOfSample(array, sample), SPAN, HEIGHT, WIDTH);
    const wants = (sample: number): boolean =>
      pooled.wants(array, rowsOfSample(array, sample), SPAN, HEIGHT, WIDTH);
    const zero = get(0);
    expect([wants(0), wants(1)]).toEqual([false, true]);
    const one = get(1);
    expect(wants(2)).toBe(false);
    expect(get(0)).toBe(zero);
    get(2);
    expect(get(0)).toBe(zero);
    expect(get(1)).not.toBe(one);
  });
});
