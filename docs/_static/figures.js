// Live figures: each frame is as high as its page says, and has the theme of this site.
(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');

  const theme = () => {
    const chosen = document.body.dataset.theme ?? 'auto';
    return chosen === 'auto' ? (dark.matches ? 'dark' : 'light') : chosen;
  };

  const frames = () => [...document.querySelectorAll('iframe.live-figure')];

  // A page in a sandbox has no origin that could be named.
  const tellTheme = (frame) =>
    frame.contentWindow.postMessage({ rnngrad: { theme: theme() } }, '*');

  window.addEventListener('message', ({ source, data }) => {
    const height = data?.rnngrad?.height;
    const frame = frames().find((each) => each.contentWindow === source);
    if (frame !== undefined && Number.isFinite(height)) {
      frame.style.height = `${height}px`;
      if (frame.dataset.shown === undefined) {
        frame.dataset.shown = '';
        tellTheme(frame);
      }
    }
  });

  document.addEventListener('DOMContentLoaded', () => {
    const tellAll = () => frames().forEach(tellTheme);
    new MutationObserver(tellAll).observe(document.body, { attributeFilter: ['data-theme'] });
    dark.addEventListener('change', tellAll);
  });
})();
