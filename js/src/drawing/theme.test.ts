import { describe, expect, it, vi } from 'vitest';

import { sampleColour } from './theme';

describe('colours of samples', () => {
  it('differ from one another, those of neighbours most', () => {
    vi.stubGlobal('document', { body: { dataset: {}, classList: { contains: () => false } } });
    const hues = Array.from({ length: 64 }, (_, s) =>
      Number(/^hsl\((\d+), 65%, 42%\)$/.exec(sampleColour(s))?.[1]),
    );
    vi.unstubAllGlobals();
    expect(new Set(hues).size).toBe(64);
    const apart = (a: number, b: number): number =>
      Math.min(Math.abs(a - b), 360 - Math.abs(a - b));
    hues.slice(1).forEach((hue, s) => expect(apart(hue, hues[s])).toBeGreaterThan(90));
    hues.slice(2).forEach((hue, s) => expect(apart(hue, hues[s])).toBeGreaterThan(45));
  });
});
