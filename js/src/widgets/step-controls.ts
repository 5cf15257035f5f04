import type { WidgetModel } from '@jupyter-widgets/base';
import { DOMWidgetView } from '@jupyter-widgets/base';

import { grouped } from '../drawing/format';
import { KEYS } from './keys';

/** Milliseconds between two snapshots while it plays. */
const INTERVAL = 250;

/** What a scrubber over training steps moves. */
export interface Scrubbed extends WidgetModel {
  readonly snapshots: readonly { readonly step: number }[];
  readonly shown: { readonly step: number } | null;
  readonly index: number;
  scrub(index: number): void;
  moveBy(by: number): void;
  showNearest(step: number): void;
  setFollow(follow: boolean): void;
}

/**
 * Play, scrub, follow. These are plain elements, not ipywidgets' slider and Play: those send their
 * value to Python, which learns of a longer run later than the browser, and sends back a value that
 * it cut to its own maximum.
 */
export abstract class StepControls extends DOMWidgetView {
  protected abstract get scrubbed(): Scrubbed;

  override render(): void {
    super.render();
    this.el.classList.add('rnngrad-scrub');
    this.el.append(
      row(
        'rnngrad-scrub-row',
        this.play,
        this.range,
        label(this.follow, 'follow', ' latest', 'show each new snapshot as it comes'),
      ),
    );
    // over training steps, as the plots under it: the thumb is above the line of the cursor
    Object.assign(this.range, { type: 'range', step: 'any' });
    this.range.setAttribute('aria-label', 'training step');
    this.range.setAttribute(KEYS, 'Space'); // plays
    this.play.type = 'button';
    this.play.className = 'rnngrad-play';
    this.follow.type = 'checkbox';
    this.play.title = 'show one snapshot after the other (Space)';
    this.play.addEventListener('click', () => this.setPlaying(this.clock === 0));
    this.range.addEventListener('input', () => {
      this.scrubbed.showNearest(Number(this.range.value));
      this.placeThumb(); // on the snapshot, also where that was shown already
    });
    this.follow.addEventListener('change', () => this.scrubbed.setFollow(this.follow.checked));
    this.range.addEventListener('keydown', (event) => this.key(event));
    this.listenTo(this.scrubbed, 'snapshots shown change:follow', this.update);
  }

  override remove(): void {
    window.clearInterval(this.clock);
    super.remove();
  }

  override update(): void {
    const { snapshots, shown } = this.scrubbed;
    const last = snapshots.length - 1;
    this.placeThumb();
    this.range.disabled = last < 1;
    this.play.disabled = last < 1;
    if (shown !== null) {
      this.range.setAttribute('aria-valuetext', `training step ${shown.step}`);
    }
    this.follow.checked = this.scrubbed.get('follow') as boolean;
    this.drawPlay();
  }

  private placeThumb(): void {
    const { shown, snapshots } = this.scrubbed;
    const [first, last] = [snapshots.at(0)?.step ?? 0, snapshots.at(-1)?.step ?? 0];
    this.range.min = String(first);
    this.range.max = String(Math.max(last, first + 1));
    this.range.value = String(shown?.step ?? first);
    this.range.title = countOf(snapshots.length);
  }

  /** Move from snapshot to snapshot; left to itself, the slider would move by a share of the run. */
  private key(event: KeyboardEvent): void {
    const { scrubbed } = this;
    const ten = event.shiftKey ? 10 : 1;
    const moves: Record<string, number> = {
      ArrowLeft: -ten,
      ArrowDown: -ten,
      ArrowRight: ten,
      ArrowUp: ten,
      PageDown: -10,
      PageUp: 10,
      Home: -scrubbed.snapshots.length,
      End: scrubbed.snapshots.length,
    };
    const by = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
    if (event.key === ' ') {
      this.setPlaying(this.clock === 0);
    } else if (by !== undefined) {
      scrubbed.moveBy(by);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private setPlaying(playing: boolean): void {
    window.clearInterval(this.clock);
    this.clock = 0;
    if (playing) {
      if (this.isAtEnd) {
        this.scrubbed.scrub(0);
      }
      this.clock = window.setInterval(() => this.advance(), INTERVAL);
    }
    this.drawPlay();
  }

  private advance(): void {
    this.scrubbed.moveBy(1);
    if (this.isAtEnd) {
      this.setPlaying(false);
    }
  }

  protected get isAtEnd(): boolean {
    return this.scrubbed.index >= this.scrubbed.snapshots.length - 1;
  }

  private drawPlay(): void {
    const playing = this.clock !== 0;
    this.play.textContent = playing ? '❚❚' : '▶';
    this.play.setAttribute('aria-label', playing ? 'pause' : 'play');
  }

  private clock = 0;
  private readonly play = document.createElement('button');
  private readonly range = document.createElement('input');
  private readonly follow = document.createElement('input');
}

/** Make a row of buttons of which one is pressed. */
export function buttonsOf(names: readonly string[], choose: (index: number) => void): HTMLElement {
  const made = document.createElement('div');
  made.className = 'rnngrad-switch';
  made.append(...names.map((name, i) => button(name, () => choose(i))));
  return made;
}

function button(name: string, press: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'jupyter-button';
  made.textContent = name;
  made.addEventListener('click', press);
  return made;
}

/** Let one of a row of buttons be pressed. */
export function press(buttons: HTMLElement, index: number): void {
  buttons.querySelectorAll('button').forEach((each, i) => {
    each.classList.toggle('mod-active', i === index);
    each.setAttribute('aria-pressed', String(i === index));
  });
}

/** Put words before a row of buttons. */
export function withWords(buttons: HTMLElement, words: string): HTMLElement {
  const before = document.createElement('span');
  before.className = 'rnngrad-scale-words';
  before.textContent = words;
  buttons.setAttribute('role', 'group');
  buttons.setAttribute('aria-label', words);
  buttons.prepend(before);
  return buttons;
}

export function countOf(snapshots: number): string {
  return snapshots === 1 ? '1 snapshot' : `${grouped(snapshots)} snapshots`;
}

export function row(name: string, ...children: HTMLElement[]): HTMLElement {
  const element = document.createElement('div');
  element.className = name;
  element.append(...children);
  return element;
}

/** A check box with its label; the end of the label shows only where there is room. */
function label(
  input: HTMLInputElement,
  text: string,
  more: string,
  title: string,
): HTMLLabelElement {
  const element = document.createElement('label');
  element.title = title;
  const [words, rest] = [document.createElement('span'), document.createElement('span')];
  rest.textContent = more;
  words.append(text, rest);
  element.append(input, words);
  return element;
}
