import { leftOutText } from '../data/saved';
import { grouped } from '../drawing/format';
import { buttonsOf, countOf, press, row, StepControls, withWords } from './step-controls';
import { statusLine } from './text';
import type { TimelineModel } from './timeline';

/** What the colours of the map are relative to. */
const SCALES = ['each step', 'whole run'];

const SHOWS = ['step', 'A', 'step − A'];

/** Play, scrub, follow; compare with a pinned step. */
export class TimelineControls extends StepControls {
  declare model: TimelineModel;

  protected override get scrubbed(): TimelineModel {
    return this.model;
  }

  override render(): void {
    super.render();
    this.scale.title =
      'the colours of Gradient over training: of the largest norm in each step, or in the run';
    const compare = row('rnngrad-compare', this.status, this.scale, this.pin, this.shows);
    this.leftOut.className = 'rnngrad-left-out';
    this.el.append(compare, this.leftOut);
    this.status.className = 'rnngrad-status';
    this.pin.className = 'jupyter-button';
    this.pin.type = 'button';
    this.pin.title = 'keep the step that is shown, to compare others with it';
    this.shows.title = 'the step, the pinned one (A), or what has changed since A';
    this.pin.addEventListener('click', () =>
      this.model.setPin(!(this.model.get('pin') as boolean)),
    );
    this.listenTo(
      this.model,
      'change:pin change:show change:absolute change:status change:status_step',
      this.update,
    );
    this.update();
    this.model.showChosen(); // another quantity may have been shown before
  }

  override remove(): void {
    this.model.clearComparison();
    super.remove();
  }

  override update(): void {
    super.update();
    const { model } = this;
    this.status.textContent = statusLine(model.status, this.isAtEnd);
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
  }

  private readonly status = document.createElement('span');
  private readonly pin = document.createElement('button');
  /** What the colours of the map are relative to. */
  private readonly scale = withWords(
    buttonsOf(SCALES, (i) => this.model.setAbsolute(i === 1)),
    'map relative to',
  );
  private readonly shows = buttonsOf(SHOWS, (i) => this.model.setShow(i));
  private readonly leftOut = document.createElement('div');
}
