// Which snapshots are kept: those that Python keeps (tests/fixtures/thinning.py).
import { describe, expect, it } from 'vitest';

import { fixture } from '../testing/golden';
import { isKept, strideFor } from './thinning';

const CASES = fixture('thinning.json') as { capacity: number; last: number; kept: number[] }[];

describe('thinning', () => {
  it.each(CASES)('keeps of 0 .. $last, with room for $capacity, what Python keeps', (wanted) => {
    const { capacity, last, kept } = wanted;
    const stride = strideFor(last, capacity);
    const numbers = Array.from({ length: last + 1 }, (_, number) => number);
    expect(numbers.filter((number) => isKept(number, stride, last))).toEqual(kept);
  });
});
