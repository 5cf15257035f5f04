// Places of ticks: pure functions, by example.
import { describe, expect, it } from 'vitest';

import { evenTicks, indexTicks, outerTick, roundTicks, withoutChip } from './ticks';

const DECADES = [1e-38, 1e-30, 1e-8, 1, 1e8, 1e15, 1e16, 1e18, 1e30, 1e38];

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

describe('round ticks', () => {
  it('have round ticks', () => {
    expect(roundTicks(-0.9, 1.1, 4)).toEqual([-0.5, 0, 0.5, 1]);
    expect(roundTicks(-17.4, -1.5, 8, 1)).toEqual([-16, -14, -12, -10, -8, -6, -4, -2]);
  });
});

describe('ticks of any decade', () => {
  it.each(DECADES)('has ticks of an axis to ±%d', (limit) => {
    const outer = outerTick(limit);
    expect(outer / limit).toBeGreaterThan(0.39);
    expect(outer / limit).toBeLessThanOrEqual(1 + 1e-9);
    const between = roundTicks(-limit, limit, 4);
    expect(between).toHaveLength(5);
    expect(between[2]).toBe(0);
    expect(between[4] / limit).toBeCloseTo(1, 9);
  });
});
