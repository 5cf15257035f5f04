// What browser.py, comparison.py, live.py and tunnel.py run inside the page, where a clock sees no round trip to the browser.
globalThis.bench = (() => {
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const notebook = () => globalThis.jupyterapp?.shell.currentWidget.node ?? document;

  /** The part of the page, or of a shadow tree in it, that holds what is looked for. */
  const holder = (selector, node = document) => {
    if (node.querySelector(selector) !== null) return node;
    for (const { shadowRoot } of node.querySelectorAll('*')) {
      const found = shadowRoot === null ? null : holder(selector, shadowRoot);
      if (found !== null) return found;
    }
    return null;
  };

  // The shadow tree that a tunnel shows its widgets in; looking for it takes up to 3 ms.
  let tunnel = null;
  const root = () => {
    if (!tunnel?.isConnected) {
      const found = holder('.rnngrad-explorer');
      tunnel = found === document ? null : found;
    }
    return tunnel ?? notebook();
  };
  const find = (selector) => root().querySelector(selector);
  const part = (way, selector) =>
    way === 'maps'
      ? ([...notebook().querySelectorAll('.rnngrad-explorer')].at(-1)?.querySelector(selector) ?? null)
      : find(selector);

  // For each way: its slider, and what changes when the heat map has been drawn.
  const WAYS = {
    explorer: {
      slider: '.rnngrad-group-sample .noUi-target',
      drawn: '.rnngrad-figure-heat [data-drawn]',
      state: (node) => node.dataset.drawn,
    },
    // of several widgets the last one
    maps: {
      slider: '.rnngrad-group-sample .noUi-target',
      drawn: '.rnngrad-figure-single [data-drawn]',
      state: (node) => node.dataset.drawn,
    },
    heatmap: { drawn: '.bqplot image', state: (node) => node.getAttribute('href') },
    image: { drawn: '.widget-output img, .jupyter-widgets-output-area img', state: (node) => node.src },
    plotly: { drawn: '.js-plotly-plot .hm image', state: (node) => node.href.baseVal },
    ipympl: { drawn: '.jupyter-matplotlib canvas', state: (node) => node.dataset.drawn ?? '' },
  };

  // ipympl changes nothing in the document when it has painted.
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (...picture) {
    drawImage.apply(this, picture);
    if (this.canvas.closest?.('.jupyter-matplotlib')) {
      this.canvas.dataset.drawn = 1 + Number(this.canvas.dataset.drawn ?? 0);
    }
  };

  const slider = (way) => part(way, WAYS[way].slider ?? '.noUi-target');
  const ready = (way) => part(way, WAYS[way].drawn) !== null && slider(way) !== null;

  /** What is drawn now; null for a moment while an output is replaced. */
  const state = (way) => {
    const node = part(way, WAYS[way].drawn);
    return node === null ? null : WAYS[way].state(node);
  };

  /** Call `seen` each time that something else has been drawn; returns how to stop. */
  const watch = (way, seen) => {
    let before = state(way);
    const observer = new MutationObserver(() => {
      const now = performance.now();
      const after = state(way);
      if (after !== null && after !== before) {
        before = after;
        seen(now);
      }
    });
    const attributeFilter = ['data-drawn', 'href', 'src'];
    const what = { subtree: true, childList: true, attributes: true };
    if (way !== 'plotly') what.attributeFilter = attributeFilter; // which leaves out xlink:href
    observer.observe(root(), what);
    return () => observer.disconnect();
  };

  /** One key press on the slider; milliseconds until the picture has changed. */
  const move = async (way, key, seconds) => {
    const handle = slider(way).querySelector('.noUi-handle');
    let stop;
    const drawn = new Promise((resolve) => {
      stop = watch(way, resolve);
    });
    const start = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    const end = await Promise.race([drawn, later(1000 * seconds)]);
    stop();
    if (end === undefined) throw new Error(`nothing drawn ${seconds} s after a move`);
    return end - start;
  };

  /** Move up to the last sample and down again, so many times, with a person's pauses. */
  const moves = async (way, count, seconds = 30) => {
    const handle = slider(way).querySelector('.noUi-handle');
    const taken = [];
    let key = 'ArrowRight';
    while (taken.length < count) {
      const [value, last] = ['now', 'max'].map((part) => +handle.getAttribute(`aria-value${part}`));
      if (value === last) key = 'ArrowLeft';
      if (value === 0) key = 'ArrowRight';
      taken.push(await move(way, key, seconds));
      await later(60 + 30 * Math.random());
    }
    return taken;
  };

  /** Drag the handle to and fro, one sample a frame; how many pictures and frames a second. */
  const drag = async (way, seconds, samples) => {
    const target = slider(way);
    const handle = target.querySelector('.noUi-handle');
    const track = target.querySelector('.noUi-base').getBoundingClientRect();
    const point = (type, sample, node) => {
      const clientX = track.left + (track.width * sample) / (samples - 1);
      const clientY = track.top + track.height / 2;
      const buttons = type === 'mouseup' ? 0 : 1;
      node.dispatchEvent(
        new MouseEvent(type, { clientX, clientY, buttons, bubbles: true, cancelable: true }),
      );
    };
    point('mousedown', +handle.getAttribute('aria-valuenow'), handle.firstElementChild ?? handle);
    let pictures = 0;
    const stop = watch(way, () => pictures++);
    const start = performance.now();
    let frames = 0;
    while (performance.now() < start + 1000 * seconds) {
      await frame();
      const step = ++frames % (2 * samples - 2);
      point('mousemove', step < samples ? step : 2 * samples - 2 - step, document.documentElement);
    }
    await later(0); // the observer tells of the last one
    stop();
    const passed = (performance.now() - start) / 1000;
    point('mouseup', 0, document.documentElement);
    return { pictures: pictures / passed, frames: frames / passed };
  };

  /**
   * Note when an explorer was first painted (`first`), and when each training step was (`drawn`),
   * in seconds of the clock that the kernel has too: after the frame that follows its place on the
   * timeline. Until the first picture it looks in every frame, shadow trees too.
   */
  const noted = { first: null, drawn: {} };
  const note = (root) => {
    const range = root.querySelector('.rnngrad-scrub-row input[type=range]');
    const step = range?.getAttribute('aria-valuetext')?.split(' ').at(-1);
    if (step === undefined || step in noted.drawn) return;
    noted.drawn[step] = 0;
    requestAnimationFrame(() =>
      setTimeout(() => {
        noted.drawn[step] = Date.now() / 1000;
      }),
    );
  };
  const lookForFirst = () => {
    const root = document.documentElement && holder('.rnngrad-explorer [data-drawn]');
    if (!root) return requestAnimationFrame(lookForFirst);
    noted.first = Date.now() / 1000;
    const what = { subtree: true, childList: true, attributeFilter: ['aria-valuetext'] };
    new MutationObserver(() => note(root)).observe(root, what);
  };
  const noteSteps = () => {
    lookForFirst();
    return noted;
  };

  return { ready, moves, drag, noteSteps };
})();
