import { describe, expect, it } from 'vitest';

import { flowAxis } from './flow-axis';

describe('the axis of a flow', () => {
  it('fits the norms where the threshold is far', () => {
    const axis = flowAxis(1, 1e-4, 1e-8, 6);
    expect([axis.min, axis.max, axis.hasThreshold]).toEqual([-4.4, 0.4, false]);
    expect(axis.ticks.map(([, text]) => text)).toEqual(['1e0', '1e-1', '1e-2', '1e-3', '1e-4']);
  });

  it('has the threshold where the norms come near it', () => {
    expect(flowAxis(1, 1.1e-7, 1e-8, 6).hasThreshold).toBe(false);
    const near = flowAxis(1, 0.9e-7, 1e-8, 6);
    expect([near.hasThreshold, near.min]).toEqual([true, -8.8]);
    expect(flowAxis(10, 1e-9, 1e-8, 6).min).toBe(-9);
    expect(flowAxis(1, 1e-3, 1e-3, 6).hasThreshold).toBe(true);
  });

  it('cuts off what is far below the threshold', () => {
    expect(flowAxis(1, 1e-300, 1e-8, 6).min).toBeCloseTo(-10.4);
    expect(flowAxis(1, 1e-300, 1e-20, 6).min).toBeCloseTo(-22.4);
  });

  it.each([
    [1, 0.9],
    [5, 5],
    [0, Infinity],
  ])('has two decades at least, of norms from %d to %d', (largest, smallest) => {
    const axis = flowAxis(largest, smallest, 1e-8, 4);
    expect(axis.max - axis.min).toBeCloseTo(2);
    expect(axis.ticks.length).toBeGreaterThan(0);
  });

  it.each([3, 6])('has at most %d ticks, of which the highest decade is one', (most) => {
    for (const depth of [1, 3, 7, 12, 30]) {
      const { ticks, min, max } = flowAxis(2, 2 * 10 ** -depth, 1e-40, most);
      expect(ticks.length).toBeLessThanOrEqual(most);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks[0][0]).toBe(0);
      expect(ticks.every(([place]) => place >= min && place <= max)).toBe(true);
    }
  });
});
