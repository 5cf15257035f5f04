import { afterEach, describe, expect, it, vi } from 'vitest';

import { isDark, lookAtGround, sampleColour } from './theme';

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

  interface Behind {
    readonly background: string;
    readonly isConnected: boolean;
    readonly parentElement: Behind | null;
    readonly getRootNode: () => { host?: Behind };
  }
  const TRANSPARENT = 'rgba(0, 0, 0, 0)';

  /** Look at an element that has these backgrounds behind it, the last one outside of a shadow. */
  const look = (...backgrounds: string[]): void => {
    vi.stubGlobal('document', { body: { dataset: {} } });
    vi.stubGlobal('getComputedStyle', ({ background }: Behind) => ({
      backgroundColor: background,
    }));
    const [host, ...inner] = backgrounds.reverse().map((background) => ({ background }));
    const outside: Behind = {
      ...host,
      isConnected: true,
      parentElement: null,
      getRootNode: () => ({}),
    };
    const add = (parent: Behind | null, { background }: { background: string }): Behind => ({
      background,
      isConnected: true,
      parentElement: parent,
      getRootNode: () => ({ host: outside }),
    });
    lookAtGround((inner.reduce(add, null) ?? outside) as unknown as Element);
    vi.unstubAllGlobals();
  };

  afterEach(() => look(TRANSPARENT));

  it.each([
    // one version of VS Code's styles lays white under widgets
    ['vscode-dark', ['rgb(255, 255, 255)', 'rgb(30, 30, 30)'], false],
    ['vscode-dark', [TRANSPARENT, 'rgb(30, 30, 30)'], true],
    ['vscode-dark', [TRANSPARENT, TRANSPARENT], true],
    ['vscode-light', [TRANSPARENT, TRANSPARENT], false],
    ['', [TRANSPARENT, 'rgba(20, 20, 20, 0.9)'], true],
    ['', ['rgba(0, 0, 0, 0.05)', 'rgb(250, 250, 250)'], false],
    ['', [TRANSPARENT, 'rgb(0 0 0 / 0.8)'], true],
  ])('%s on %s', (classes, backgrounds, found) => {
    look(...backgrounds);
    expect(dark(classes)).toBe(found);
  });

  it('is that of JupyterLab, whatever lies behind', () => {
    look('rgb(255, 255, 255)');
    expect(dark('', 'false')).toBe(true);
  });
});
