import { describe, expect, it } from 'vitest';

import { difference, roundedUp } from './difference';

describe('the difference of two snapshots', () => {
  const a = { values: Float32Array.of(3, -1, NaN), shape: [1, 3] };
  const b = { values: Float32Array.of(1, -1, 2), shape: [1, 3] };

  it('is that of their values', () => {
    expect(difference(a, b)).toEqual({ values: Float32Array.of(2, 0, NaN), shape: [1, 3] });
  });

  it('is the first where there is no other', () => {
    expect(difference(a, null)).toBe(a);
    expect(difference(null, b)).toBeNull();
  });
});

describe('rounding up', () => {
  it.each([
    [1, 1],
    [1.01, 1.2],
    [0.0173, 0.018],
    [9.9e-9, 1e-8],
    [9.7, 9.8],
    [0, 0],
  ])('%d becomes %d', (value, rounded) => {
    expect(roundedUp(value)).toBe(rounded);
    expect(roundedUp(value)).toBeGreaterThanOrEqual(value);
  });
});
