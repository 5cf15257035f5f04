import { describe, expect, it } from 'vitest';

import { contrast, luminance, readableLightness } from './readable';

const WHITE = luminance([1, 1, 1]);
const DARK = luminance([17 / 255, 17 / 255, 17 / 255]);

describe('contrast', () => {
  it('is that of WCAG', () => {
    expect(contrast(WHITE, luminance([0, 0, 0]))).toBeCloseTo(21, 10);
    const grey = 0x77 / 255; // the well-known grey that just fails
    expect(contrast(WHITE, luminance([grey, grey, grey]))).toBeCloseTo(4.478, 3);
    expect(contrast(luminance([1, 0, 0]), WHITE)).toBeCloseTo(3.998, 3);
  });
});

describe('the lightness of words', () => {
  it('stays where they can be read', () => {
    expect(readableLightness(210, 65, 42, WHITE)).toBe(42);
    expect(readableLightness(210, 65, 66, DARK)).toBe(66);
  });

  it('is as near as it can be where they could not', () => {
    expect(readableLightness(60, 65, 42, WHITE)).toBe(28);
    expect(readableLightness(240, 65, 40, DARK)).toBeGreaterThan(50);
  });
});
