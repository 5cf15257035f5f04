import { afterEach, describe, expect, it, vi } from 'vitest';

import { isDark, lookAtGround, sampleColour } from './theme';

interface Page {
  readonly classes?: string;
  readonly jpThemeLight?: string;
  /** The attribute that Colab has. */
  readonly theme?: string;
  readonly text?: string;
}

function stub({ classes = '', jpThemeLight, theme, text = 'rgb(0, 0, 0)' }: Page): void {
  const classList = { contains: (name: string): boolean => classes.split(' ').includes(name) };
  const body = { dataset: { jpThemeLight }, classList, text };
  const documentElement = { getAttribute: (name: string) => (name === 'theme' ? theme : null) };
  vi.stubGlobal('document', { body, documentElement });
  vi.stubGlobal('getComputedStyle', ({ background, text: color }: Behind & Page) => ({
    backgroundColor: background,
    color,
  }));
}

interface Behind {
  readonly background: string;
  readonly isConnected: boolean;
  readonly parentElement: Behind | null;
  readonly getRootNode: () => { host?: Behind };
}

/** An element that has these backgrounds behind it, the last one outside of a shadow. */
function on(...backgrounds: string[]): Element {
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
  return (inner.reduce(add, null) ?? outside) as unknown as Element;
}

afterEach(() => vi.unstubAllGlobals());

describe('colours of samples', () => {
  it('differ from one another, those of neighbours most', () => {
    stub({});
    const hues = Array.from({ length: 64 }, (_, s) =>
      Number(/^hsl\((\d+), 65%, 42%\)$/.exec(sampleColour(s))?.[1]),
    );
    expect(new Set(hues).size).toBe(64);
    const apart = (a: number, b: number): number =>
      Math.min(Math.abs(a - b), 360 - Math.abs(a - b));
    hues.slice(1).forEach((hue, s) => expect(apart(hue, hues[s])).toBeGreaterThan(90));
    hues.slice(2).forEach((hue, s) => expect(apart(hue, hues[s])).toBeGreaterThan(45));
  });
});

describe('the theme of the page', () => {
  const PAGES: [Page, boolean][] = [
    [{ jpThemeLight: 'true' }, false],
    [{ jpThemeLight: 'false' }, true],
    [{ classes: 'vscode-light' }, false],
    [{ classes: 'vscode-dark' }, true],
    [{ classes: 'vscode-high-contrast' }, true],
    [{ classes: 'vscode-high-contrast vscode-high-contrast-light' }, false],
    [{ theme: 'light' }, false],
    [{ theme: 'dark' }, true],
  ];
  const TRANSPARENT = 'rgba(0, 0, 0, 0)';

  it.each(PAGES)('is said by %o, before anything is shown', async (page, found) => {
    vi.resetModules();
    stub(page);
    expect((await import('./theme')).isDark()).toBe(found);
  });

  it.each([
    ...PAGES,
    [{ text: 'rgb(40, 40, 40)' }, false],
    [{ text: 'rgb(220, 220, 220)' }, true],
    [{ theme: 'dark', text: 'rgb(40, 40, 40)' }, true],
  ])('is that of %o behind what is transparent', (page, found) => {
    stub(page);
    lookAtGround(on(TRANSPARENT, TRANSPARENT));
    expect(isDark()).toBe(found);
  });

  it.each([
    // one version of VS Code's styles lays white under widgets
    ['vscode-dark', ['rgb(255, 255, 255)', 'rgb(30, 30, 30)'], false],
    ['vscode-dark', [TRANSPARENT, 'rgb(30, 30, 30)'], true],
    ['', [TRANSPARENT, 'rgba(20, 20, 20, 0.9)'], true],
    ['', ['rgba(0, 0, 0, 0.05)', 'rgb(250, 250, 250)'], false],
    ['', [TRANSPARENT, 'rgb(0 0 0 / 0.8)'], true],
  ])('%s on %s', (classes, backgrounds, found) => {
    stub({ classes });
    lookAtGround(on(...backgrounds));
    expect(isDark()).toBe(found);
  });

  it('is that of JupyterLab, whatever lies behind', () => {
    stub({ jpThemeLight: 'false' });
    lookAtGround(on('rgb(255, 255, 255)'));
    expect(isDark()).toBe(true);
  });
});
