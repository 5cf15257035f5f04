// The automatic range is what numpy says (tests/fixtures/golden.py), and Python's own by the same.
import { describe, expect, it } from 'vitest';

import { golden, number } from '../testing/golden';
import { autoLimit, roundUp } from './auto-limit';

describe('the automatic limit', () => {
  it.each(golden.limits)('of $what is $limit', ({ values, limit }) => {
    expect(autoLimit(Float32Array.from(values, number))).toBe(limit);
  });

  it.each([
    ['nothing', []],
    ['zeros of either sign', [0, -0]],
    ['what is not finite', [NaN, Infinity, -Infinity, 0]],
  ])('of %s is none', (_what, values) => {
    expect(autoLimit(Float32Array.from(values))).toBeNull();
  });

  it('reads a part of a buffer', () => {
    const all = Float32Array.of(100, 100, 0.5, -0.25, 100);
    expect(autoLimit(all.subarray(2, 4))).toBe(0.5);
  });

  it.each([1, 1.5, 2, 3, 4, 5, 6, 8, 0.3, 0.06, 8e-7, 3000, 1000])(
    '%d is its own, in either precision',
    (nice) => {
      expect(roundUp(nice)).toBe(nice);
      expect(roundUp(Math.fround(nice))).toBe(nice);
    },
  );

  it.each([
    [1.01, 1.5],
    [2.5, 3],
    [8.1, 10],
    [0.091, 0.1],
    [3.1e-2, 4e-2],
  ])('%d becomes %d', (value, rounded) => {
    expect(roundUp(value)).toBe(rounded);
  });
});
