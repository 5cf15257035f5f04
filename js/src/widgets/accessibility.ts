// What screen readers need, and neither ipywidgets nor bqplot writes: the names of sliders and
// pictures, which button is pressed, and a word when what is shown has changed. All of it is taken
// from what stands on the page, so that it says what others see.

import { spoken } from './spoken';

/** Milliseconds until names follow the page. */
const NAMES_DELAY = 100;
/** Milliseconds for which the page must stand still before something is announced. */
const QUIET = 1000;

const CAPTION = '.rnngrad-figure-caption, .rnngrad-caption > :first-child';
/** The lines that are announced when they change. */
const ANNOUNCED = [
  ...['trouble', 'message', 'summary', 'finding', 'run-findings'],
  ...['hover', 'flow-hover', 'companion-hover', 'bars-hover', 'histogram-hover', 'run-hover'],
].map((kind) => `.rnngrad-${kind}`);

/** Let a frame be used with a screen reader; returns how to stop. */
export function makeAccessible(frame: HTMLElement): () => void {
  const announcer = new Announcer(frame);
  let naming = 0;
  const follow = (): void => {
    announcer.wait();
    naming ||= window.setTimeout(() => {
      naming = 0;
      writeNames(frame);
    }, NAMES_DELAY);
  };
  const observer = new MutationObserver(follow);
  observer.observe(frame, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['class'],
  });
  follow();
  return () => {
    observer.disconnect();
    announcer.stop();
    window.clearTimeout(naming);
  };
}

/** Announces lines that have changed, politely: once the page stands still. */
class Announcer {
  constructor(private readonly frame: HTMLElement) {
    this.region.className = 'rnngrad-announcement';
    this.region.setAttribute('role', 'status');
    this.region.setAttribute('aria-live', 'polite');
    frame.append(this.region);
  }

  wait(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.announce(), QUIET);
  }

  stop(): void {
    window.clearTimeout(this.timer);
  }

  /** What stands there when the frame appears is read as the rest of the page is. */
  private announce(): void {
    const lines = this.lines;
    const changed = [...lines].filter((line) => !this.known?.has(line));
    if (this.known !== null && changed.length > 0) {
      this.region.textContent = changed.map(spoken).join('. ');
    }
    this.known = lines;
  }

  private get lines(): Set<string> {
    const found = [...this.frame.querySelectorAll<HTMLElement>(ANNOUNCED.join())];
    const shown = found.filter(
      (line) =>
        line.getClientRects().length > 0 && line.closest('.rnngrad-explorer') === this.frame,
    );
    return new Set(shown.map(textOf).filter((text) => text !== ''));
  }

  private timer = 0;
  private known: ReadonlySet<string> | null = null;
  private readonly region = document.createElement('div');
}

/** The text of a line, or of the paragraphs that it is of. */
function textOf(line: Element): string {
  const paragraphs = [...line.querySelectorAll('p')];
  const parts = paragraphs.length > 0 ? paragraphs : [line];
  return parts.map(({ textContent }) => textContent.trim()).join('\n');
}

function writeNames(frame: HTMLElement): void {
  frame.querySelectorAll('.widget-slider').forEach(nameSlider);
  frame
    .querySelectorAll('.widget-toggle-button, .widget-toggle-buttons .jupyter-button')
    .forEach((button) => {
      write(button, 'aria-pressed', String(button.classList.contains('mod-active')));
    });
  // a letter of a font of icons; the title says what the button does
  frame
    .querySelectorAll('.jupyter-button > i')
    .forEach((icon) => write(icon, 'aria-hidden', 'true'));
  frame.querySelectorAll('.rnngrad-group').forEach(nameValue);
  frame.querySelectorAll('.bqplot').forEach(nameFigure);
}

/** Of two handles the name says which end they are of. */
function nameSlider(slider: Element): void {
  const label = slider.querySelector('.widget-label');
  if (label === null) {
    return;
  }
  const handles = [...slider.querySelectorAll('.noUi-handle')];
  handles.forEach((handle, i) => {
    const end = handles.length > 1 ? ['from', 'to'][i] : null;
    if (end !== null) {
      write(handle, 'aria-label', end);
    }
    write(handle, 'aria-labelledby', idOf(label) + (end === null ? '' : ` ${idOf(handle)}`));
  });
  const field = slider.querySelector('.widget-readout');
  if (field !== null) {
    write(field, 'role', 'textbox');
    write(field, 'aria-labelledby', idOf(label));
  }
}

/** The value of a slider is what stands beside it: its own counts places. */
function nameValue(group: Element): void {
  const value = group.querySelector('.rnngrad-readout')?.textContent ?? '';
  group.querySelectorAll('.noUi-handle').forEach((handle) => {
    write(handle, 'aria-valuetext', value);
  });
}

/** A picture is called as its caption; its ticks would be a row of numbers without a place. */
function nameFigure(figure: Element): void {
  const around = figure.closest('.rnngrad-panel');
  const caption = figure.querySelector(CAPTION) ?? around?.querySelector(CAPTION);
  figure.querySelectorAll('.axis').forEach((axis) => write(axis, 'aria-hidden', 'true'));
  figure.querySelectorAll(':scope > svg').forEach((layer) => write(layer, 'role', 'group'));
  if (caption === null || caption === undefined) {
    return;
  }
  for (const part of figure.querySelectorAll('canvas, .rnngrad-hit')) {
    write(part, 'aria-labelledby', idOf(caption));
    if (part instanceof HTMLCanvasElement) {
      write(part, 'role', 'img');
      write(part, 'aria-hidden', String(caption.textContent === '')); // nothing is drawn yet
    }
  }
}

let ids = 0;

function idOf(el: Element): string {
  if (el.id === '') {
    el.id = `rnngrad-part-${++ids}`;
  }
  return el.id;
}

function write(el: Element, name: string, value: string): void {
  if (el.getAttribute(name) !== value) {
    el.setAttribute(name, value);
  }
}
