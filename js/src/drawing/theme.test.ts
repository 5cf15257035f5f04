import { describe, expect, it, vi } from 'vitest';

import { isDark, sampleColour } from './theme';

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

describe('the theme of the page', () => {
  const dark = (classes: string, jpThemeLight?: string): boolean => {
    const names = classes.split(' ');
    const classList = { contains: (name: string): boolean => names.includes(name) };
    vi.stubGlobal('document', { body: { dataset: { jpThemeLight }, classList } });
    const found = isDark();
    vi.unstubAllGlobals();
    return found;
  };

  it.each([
    ['', 'true', false],
    ['', 'false', true],
    ['vscode-light', undefined, false],
    ['vscode-dark', undefined, true],
    ['vscode-high-contrast', undefined, true],
    ['vscode-high-contrast vscode-high-contrast-light', undefined, false],
  ])('%s %s', (classes, light, found) => {
    expect(dark(classes, light)).toBe(found);
  });
});
