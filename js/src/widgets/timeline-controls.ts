import { DOMWidgetView } from '@jupyter-widgets/base';

import { leftOutText } from '../data/saved';
import { grouped } from '../drawing/format';
import { KEYS } from './keys';
import { statusLine } from './text';
import type { TimelineModel } from './timeline';

/** Milliseconds between two snapshots while it plays. */
const INTERVAL = 250;

/** What the colours of the map are relative to. */
const SCALES = ['each step', 'whole run'];

const SHOWS = ['step', 'A', 'step − A'];

/**
 * Play, scrub, follow, compare. These are plain elements, not ipywidgets' slider and Play: those
 * send their value to Python, which learns of a longer run later than the browser, and sends back a
 * value that it cut to its own maximum.
 */
export class TimelineControls extends DOMWidgetView {
  declare model: TimelineModel;

  override render(): void {
    super.render();
    this.el.classList.add('rnngrad-scrub');
    const scrub = row(
      'rnngrad-scrub-row',
      this.play,
      this.range,
      label(this.follow, 'follow', ' latest', 'show each new snapshot as it comes'),
    );
    const compare = row('rnngrad-compare', this.status, this.scale, this.pin, this.shows);
    this.leftOut.className = 'rnngrad-left-out';
    this.el.append(scrub, compare, this.leftOut);
    // over training steps, as the plots under it: the thumb is above the line of the cursor
    Object.assign(this.range, { type: 'range', step: 'any' });
    this.range.setAttribute('aria-label', 'training step');
    this.range.setAttribute(KEYS, 'Space'); // plays
    this.status.className = 'rnngrad-status';
    this.shows.className = 'rnngrad-switch';
    this.shows.append(...SHOWS.map((name, i) => button(name, () => this.model.setShow(i))));
    this.play.type = 'button';
    this.play.className = 'rnngrad-play';
    this.pin.className = 'jupyter-button';
    this.pin.type = 'button';
    this.makeScale();
    this.follow.type = 'checkbox';
    this.pin.title = 'keep the step that is shown, to compare others with it';
    this.shows.title = 'the step, the pinned one (A), or what has changed since A';
    this.play.title = 'show one snapshot after the other (Space)';
    this.play.addEventListener('click', () => this.setPlaying(this.clock === 0));
    this.range.addEventListener('input', () => {
      this.model.showNearest(Number(this.range.value));
      this.placeThumb(); // on the snapshot, also where that was shown already
    });
    this.follow.addEventListener('change', () => this.model.setFollow(this.follow.checked));
    this.pin.addEventListener('click', () =>
      this.model.setPin(!(this.model.get('pin') as boolean)),
    );
    this.listenTo(
      this.model,
      'snapshots shown change:follow change:pin change:show change:absolute change:status change:status_step',
      this.update,
    );
    this.range.addEventListener('keydown', (event) => this.key(event));
    this.update();
    this.model.showChosen(); // another quantity may have been shown before
  }

  /** What the colours of the map are relative to. */
  private makeScale(): void {
    this.scale.className = 'rnngrad-switch';
    this.scale.title =
      'the colours of Gradient over training: of the largest norm in each step, or in the run';
    const words = document.createElement('span');
    words.className = 'rnngrad-scale-words';
    words.textContent = 'map relative to';
    this.scale.append(
      words,
      ...SCALES.map((name, i) => button(name, () => this.model.setAbsolute(i === 1))),
    );
  }

  override remove(): void {
    this.model.clearComparison();
    window.clearInterval(this.clock);
    super.remove();
  }

  override update(): void {
    const { model } = this;
    const { index, snapshots, shown } = model;
    const last = snapshots.length - 1;
    this.placeThumb();
    this.range.disabled = last < 1;
    this.play.disabled = last < 1;
    if (shown !== null) {
      this.range.setAttribute('aria-valuetext', `training step ${shown.step}`);
    }
    this.follow.checked = model.get('follow') as boolean;
    this.status.textContent = statusLine(model.status, index >= last);
    this.status.title = this.status.textContent;
    const pinned = model.get('pinned') as number | null;
    this.pin.textContent = pinned === null ? 'pin as A' : `A: step ${grouped(pinned)}`;
    this.pin.classList.toggle('mod-active', pinned !== null);
    this.pin.setAttribute('aria-pressed', String(pinned !== null));
    this.shows.style.display = pinned === null ? 'none' : '';
    press(this.shows, model.get('show') as number);
    press(this.scale, model.get('absolute') === true ? 1 : 0);
    const { count, bytes } = model.notSaved;
    this.leftOut.textContent = count === 0 ? '' : leftOutText(countOf(count), bytes);
    this.drawPlay();
  }

  private placeThumb(): void {
    const { shown, snapshots } = this.model;
    const [first, last] = [snapshots.at(0)?.step ?? 0, snapshots.at(-1)?.step ?? 0];
    this.range.min = String(first);
    this.range.max = String(Math.max(last, first + 1));
    this.range.value = String(shown?.step ?? first);
    this.range.title = countOf(snapshots.length);
  }

  /** Move from snapshot to snapshot; left to itself, the slider would move by a share of the run. */
  private key(event: KeyboardEvent): void {
    const { model } = this;
    const ten = event.shiftKey ? 10 : 1;
    const moves: Record<string, number> = {
      ArrowLeft: -ten,
      ArrowDown: -ten,
      ArrowRight: ten,
      ArrowUp: ten,
      PageDown: -10,
      PageUp: 10,
      Home: -model.snapshots.length,
      End: model.snapshots.length,
    };
    const by = event.ctrlKey || event.metaKey || event.altKey ? undefined : moves[event.key];
    if (event.key === ' ') {
      this.setPlaying(this.clock === 0);
    } else if (by !== undefined) {
      model.moveBy(by);
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
      if (this.model.index >= this.model.snapshots.length - 1) {
        this.model.scrub(0);
      }
      this.clock = window.setInterval(() => this.advance(), INTERVAL);
    }
    this.drawPlay();
  }

  private advance(): void {
    this.model.moveBy(1);
    if (this.model.index >= this.model.snapshots.length - 1) {
      this.setPlaying(false);
    }
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
  private readonly status = document.createElement('span');
  private readonly pin = document.createElement('button');
  private readonly scale = document.createElement('div');
  private readonly shows = document.createElement('div');
  private readonly leftOut = document.createElement('div');
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
function press(buttons: HTMLElement, index: number): void {
  buttons.querySelectorAll('button').forEach((each, i) => {
    each.classList.toggle('mod-active', i === index);
    each.setAttribute('aria-pressed', String(i === index));
  });
}

function countOf(snapshots: number): string {
  return snapshots === 1 ? '1 snapshot' : `${grouped(snapshots)} snapshots`;
}

function row(name: string, ...children: HTMLElement[]): HTMLElement {
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
