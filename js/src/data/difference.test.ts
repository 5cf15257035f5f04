import { describe, expect, it } from 'vitest';

import { difference } from './difference';

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
