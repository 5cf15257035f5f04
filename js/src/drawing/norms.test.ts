// Places of the norm sliders.
import { describe, expect, it } from 'vitest';

import { handlesOf, limitAt, normOfHandles, STOPS, stopOf } from './norms';

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
