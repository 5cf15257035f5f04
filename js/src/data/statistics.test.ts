// Norms and quartiles against those that numpy wrote (tests/fixtures/golden.py).
import { describe, expect, it } from 'vitest';

import type { Value } from '../testing/golden';
import { golden, number, plotArray } from '../testing/golden';
import {
  combined,
  normsOverChannels,
  notReached,
  quartiles,
  smallestOf,
  stepNormsOf,
} from './statistics';

describe('flow', () => {
  it.each(golden.flow)('norms and quartiles of channels $start..$stop, flip $flip', (c) => {
    const norms = normsOverChannels(plotArray, c.start, c.stop, c.flip, Float32Array.from(c.mask));
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
    const whole = combined(
      normsOverChannels(plotArray, 0, 3, false, null),
      normsOverChannels(plotArray, 3, 6, true, null),
    );
    golden.norms.forEach(({ timestep, value }) => {
      expect(whole.values[2 * whole.timesteps + timestep]).toBeCloseTo(value, 5);
    });
  });

  it('knows the smallest norm that is none of zero', () => {
    const of = (...values: number[]): number =>
      smallestOf({ samples: 1, timesteps: 3, largest: 3, values: Float64Array.from(values) });
    expect(of(3, 1e-30, 0, NaN, Infinity)).toBe(1e-30);
    expect(of(0, NaN)).toBe(Infinity);
  });

  it('finds the longest run below the threshold', () => {
    const median = Float64Array.of(0, 1, 1e-9, 0, 1e-10, 1, NaN, 0);
    expect(notReached(median, 1, 1e-8)).toEqual([2, 4]);
    expect(notReached(median, 1, 1e-9)).toEqual([3, 4]);
    expect(notReached(Float64Array.of(1, NaN), 1, 1e-8)).toBeNull();
    expect(notReached(Float64Array.of(0, 0), 1, 1e-8)).toEqual([0, 1]);
  });
});

describe('the norms of a snapshot', () => {
  const array = {
    shape: [2, 4, 2],
    // norms of the first sample 5, 0, Inf, Inf; of the second one 13, 1, 2, NaN
    values: Float32Array.of(3, 4, 0, 0, Infinity, 1, -Infinity, 0, 5, 12, 0, 1, 2, 0, NaN, 1),
  };

  it('is the median of the finite norms; infinite where there is none', () => {
    const { median, largest } = stepNormsOf(array, null, 1);
    expect([...median]).toEqual([9, 0.5, 2, Infinity]);
    expect(largest).toBe(13);
  });

  it('is of what is not masked; NaN where all is', () => {
    const mask = Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0);
    const { median, largest } = stepNormsOf(array, mask, 1);
    expect([...median]).toEqual([5, 1, NaN, NaN]);
    expect(largest).toBe(5);
  });

  it('is nothing without an array', () => {
    expect(stepNormsOf(null, null, 1)).toEqual({ median: Float64Array.of(0), largest: 0 });
  });

  it('is of each half of the channels, one after the other', () => {
    const { median, largest } = stepNormsOf(array, null, 2);
    expect([...median]).toEqual([4, 0, 2, Infinity, 8, 0.5, 0.5, 0.5]);
    expect(largest).toBe(12);
  });
});
