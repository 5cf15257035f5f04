// Places of the norm sliders.
import { describe, expect, it } from 'vitest';

import { LAST_LIMIT_INDEX, limitAt, limitIndexOf, normOfIndices, rangeIndicesOf } from './norms';

describe('norm sliders', () => {
  it('has each place where its limit is', () => {
    for (let stop = 0; stop <= LAST_LIMIT_INDEX; stop++) {
      expect(limitIndexOf(limitAt(stop, -2), -2)).toBe(stop);
    }
    expect(limitAt(LAST_LIMIT_INDEX, -2)).toBe(1e-2);
    expect(limitAt(0, -2)).toBe(1e-10);
  });
  it('goes to its ends for limits beyond them', () => {
    expect(limitIndexOf(5, -2)).toBe(LAST_LIMIT_INDEX);
    expect(limitIndexOf(1e-20, -2)).toBe(0);
  });
  it('keeps the exact value of a handle that stays', () => {
    const old = { vmin: -0.00333, vmax: 0.008 };
    const [low, high] = rangeIndicesOf(old, -2);
    expect(normOfIndices([low, high - 20], old, -2)).toEqual({ vmin: -0.00333, vmax: 0.007 });
    expect(normOfIndices([low, high], old, -2)).toEqual(old);
    expect(normOfIndices([high, high], old, -2)).toEqual(old);
  });
});
