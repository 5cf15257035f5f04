/**
 * A page in a frame of another one, which can neither look into it nor be looked at: they talk.
 *
 * The frame tells how high it is, `{ rnngrad: { height } }`, so that it need not scroll; the page
 * round it may ask for a theme, `{ rnngrad: { theme: 'dark' } }`, where a switch of its own differs
 * from the system's.
 */
interface Asked {
  rnngrad?: { theme?: unknown };
}

/** Tell the page round this one its height, now and whenever it changes. */
export function tellHeight(): void {
  const tell = (): void => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    window.parent.postMessage({ rnngrad: { height } }, '*');
  };
  new ResizeObserver(tell).observe(document.body);
}

/** Have themes that the page round this one asks for. */
export function hearTheme(use: (theme: 'dark' | 'light') => void): void {
  window.addEventListener('message', ({ source, data }: MessageEvent<Asked | null>) => {
    const theme = data?.rnngrad?.theme;
    if (source === window.parent && (theme === 'dark' || theme === 'light')) {
      use(theme);
    }
  });
}
