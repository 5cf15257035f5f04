// Light or dark: the colours that a canvas needs by value. What CSS can draw is in style/index.css.

import { readableLightness } from './readable';

export interface Theme {
  readonly ink: string;
  /** The backward half. */
  readonly backward: string;
  readonly negative: string;
  readonly positive: string;
  /** Diverging stops, negative to positive. */
  readonly diverging: readonly string[];
  /** Sequential stops, for log10 of a magnitude, and the flat colour below them. */
  readonly sequential: readonly string[];
  readonly below: string;
  /** What is masked: hatched, unlike zero, tiny values and NaN. */
  readonly masked: { readonly ground: string; readonly line: string };
  /** Lightness of the colours of samples, in percent. */
  readonly lightness: number;
  /** Luminance of what words stand on. */
  readonly ground: number;
}

export const LIGHT: Theme = {
  ink: '#1a1a1a',
  backward: '#9a5b00',
  negative: '#1f63a8',
  positive: '#b2182b',
  diverging: stops('08386f 1f63a8 4393c3 92c5de d1e5f0 ffffff fddbc7 f4a582 d6604d b2182b 7a0a22'),
  sequential: stops('f4f8f7 d9eae6 b4d6cf 86beb5 57a39a 2f857d 136762'),
  below: '#f1f1ef',
  masked: { ground: '#e2e2e2', line: '#b4b4b4' },
  lightness: 42,
  ground: 1,
};

export const DARK: Theme = {
  ink: '#f2f2f2',
  backward: '#e2ac52',
  negative: '#62b4f2',
  positive: '#f98d6a',
  diverging: stops('a8d8ff 62b4f2 2f8bd6 22609a 1d3a57 1b1b1b 54291f 963a26 dc5a38 f98d6a ffbfa6'),
  sequential: stops('1d2b29 1b3f3b 1c544e 216b62 2d8478 459d8e 6ab8a6'),
  below: '#1c1c1c',
  masked: { ground: '#383838', line: '#5c5c5c' },
  lightness: 66,
  ground: 0.006, // #111111
};

/** NaN and infinities, in either theme. */
export const NON_FINITE = '#d500f9';

function stops(hex: string): string[] {
  return hex.split(' ').map((digits) => `#${digits}`);
}

let exporting = false;

/** Canvas pixels for each pixel of the page, in a picture that is saved. */
export const EXPORT_RATIO = 2;

/** Canvas pixels for each pixel of the page. */
export function pixelRatio(): number {
  return exporting ? EXPORT_RATIO : window.devicePixelRatio || 1;
}

/**
 * Do some work while `root` is drawn as for paper: in the light theme, at `EXPORT_RATIO`.
 *
 * `redraw` must draw everything at once. None of it is seen: the browser shows only the end result.
 */
export function withExportTheme<T>(root: Element, redraw: () => void, work: () => T): T {
  setExportTheme(root, true);
  try {
    redraw();
    return work();
  } finally {
    setExportTheme(root, false);
    redraw();
  }
}

/** Draw what follows in `root` as for paper, or as for the screen again. */
export function setExportTheme(root: Element, on: boolean): void {
  exporting = on;
  root.classList.toggle('rnngrad-paper', on);
}

/** Whether what frames are drawn on is dark, as it was last looked at; null before the first time. */
let darkGround: boolean | null = null;

/**
 * Look at what `el` is drawn on. JupyterLab and Notebook say which theme they have; elsewhere a
 * dark page may lay white under widgets, as VS Code does by one of its styles, and a page of unknown
 * making may be dark.
 */
export function lookAtGround(el: Element): void {
  if (document.body.dataset.jpThemeLight === undefined && el.isConnected) {
    darkGround = isDarkBehind(el);
  }
}

/**
 * Where all is transparent, as in a frame that shows the page around it, that page is dark if it says
 * so or writes in a light colour.
 */
function isDarkBehind(el: Element): boolean {
  for (let at: Element | undefined = el; at !== undefined; at = parentOf(at)) {
    const background = channelsOf(getComputedStyle(at).backgroundColor);
    if (background[3] > 0.5) {
      return !isLight(background);
    }
  }
  return saysDark() || isLight(channelsOf(getComputedStyle(document.body).color));
}

function isLight([red, green, blue]: readonly number[]): boolean {
  return 0.299 * red + 0.587 * green + 0.114 * blue >= 128;
}

/** Whether a page says that it is dark: VS Code by classes, Colab by an attribute. */
function saysDark(): boolean {
  const { classList } = document.body;
  // VS Code's light theme of high contrast has the class of the dark one too
  const contrast =
    classList.contains('vscode-high-contrast') && !classList.contains('vscode-high-contrast-light');
  const colab = document.documentElement.getAttribute('theme') === 'dark';
  return classList.contains('vscode-dark') || contrast || colab;
}

/** Red, green and blue up to 255, and alpha up to 1. */
function channelsOf(colour: string): [number, number, number, number] {
  const channels = /^rgba?\(([^)]+)\)$/
    .exec(colour)?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  if (channels !== undefined) {
    const [red = 0, green = 0, blue = 0, alpha = 1] = channels;
    return [red, green, blue, alpha];
  }
  // any other notation stays as it is in a computed style: marimo has color(srgb ...)
  const context = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data as unknown as number[];
  return [red as number, green as number, blue as number, (alpha as number) / 255];
}

/** The parent of an element, out of a shadow tree too. */
function parentOf(el: Element): Element | undefined {
  return el.parentElement ?? (el.getRootNode() as Partial<ShadowRoot>).host;
}

/** Whether to draw for a dark page: JupyterLab and Notebook say so, else what is behind frames. */
export function isDark(): boolean {
  if (exporting) {
    return false;
  }
  const { jpThemeLight } = document.body.dataset;
  if (jpThemeLight !== undefined) {
    return jpThemeLight === 'false';
  }
  return darkGround ?? saysDark();
}

export function theme(): Theme {
  return isDark() ? DARK : LIGHT;
}

/**
 * The colour of a sample in every plot. Hues are a golden angle apart, so that neighbours differ.
 */
export function sampleColour(sample: number): string {
  return `hsl(${hueOf(sample)}, ${SATURATION}%, ${theme().lightness}%)`;
}

/** That colour for words, which must be read: yellow and green ones are darker, or lighter. */
export function sampleTextColour(sample: number): string {
  const { lightness, ground } = theme();
  const hue = hueOf(sample);
  const readable = readableLightness(hue, SATURATION, lightness, ground);
  return `hsl(${hue}, ${SATURATION}%, ${readable}%)`;
}

const SATURATION = 65;

function hueOf(sample: number): number {
  return Math.round((210 + sample * 137.508) % 360);
}

/** What tells the theme of JupyterLab, VS Code and marimo, of Colab, and of Shiny. */
const THEME_ATTRIBUTES = ['data-jp-theme-light', 'class', 'theme', 'data-theme', 'data-bs-theme'];

/** Call `changed` whenever the page's theme may have changed; returns how to stop. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: THEME_ATTRIBUTES });
  }
  return () => observer.disconnect();
}

/** Call `changed` when the page is zoomed or moves to another screen; returns how to stop. */
export function onPixelsChange(changed: () => void): () => void {
  const gone = new AbortController();
  let ratio = window.devicePixelRatio;
  const look = (): void => {
    if (window.devicePixelRatio !== ratio) {
      ratio = window.devicePixelRatio;
      watch();
      changed();
    }
  };
  const watch = (): void => {
    const here = matchMedia(`(resolution: ${ratio}dppx)`);
    here.addEventListener('change', look, { once: true, signal: gone.signal });
  };
  watch();
  window.addEventListener('resize', look, { signal: gone.signal });
  return () => gone.abort();
}
