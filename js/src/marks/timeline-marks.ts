import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { grouped, lossText } from '../drawing/format';
import { lossAxis } from '../drawing/linear';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { theme } from '../drawing/theme';
import type { Tick } from '../drawing/ticks';
import { KEYS, keyOf } from '../widgets/keys';
import type { SnapshotModel } from '../widgets/snapshot';
import type { Scrubbed } from '../widgets/step-controls';
import type { TimelineModel } from '../widgets/timeline';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';
import { spokenPlot } from './plot-area';

export class TimelineMarkModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), timeline: null, axis: null };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    timeline: { deserialize: unpack_models },
    axis: { deserialize: unpack_models },
    y_axis: { deserialize: unpack_models },
  };

  get timeline(): TimelineModel {
    return this.get('timeline') as TimelineModel;
  }
}

export class LossesModel extends TimelineMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'LossesModel', _view_name: 'Losses' };
  }
}

/**
 * A mark over training steps, with a line at the step that is shown; pointer and keys choose one.
 */
export abstract class StepMark<Step extends { readonly step: number }> extends CanvasMark {
  /** What chooses the step. */
  protected abstract get timeline(): Scrubbed & { readonly snapshots: readonly Step[] };
  protected abstract drawRun(context: CanvasRenderingContext2D, run: readonly Step[]): void;
  protected abstract words(run: readonly Step[]): void;
  /** The step that others are compared with. */
  protected get pinned(): number | null {
    return null;
  }
  /** How far the line goes on below the plot area. */
  protected readonly lineOverhang: number = 0;

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.timeline, 'snapshots shown', this.draw);
  }

  protected override setup(): void {
    this.drawBeyondPlot(); // captions and labels are in the margins
    this.el.append(this.hit, this.line, this.pin, this.caption, this.readout);
    const help = 'left and right arrows choose the training step, with Shift by ten';
    const keys = 'ArrowLeft ArrowRight';
    setAttributes(this.hit, { ...spokenPlot(help), [KEYS]: keys });
    this.hit.addEventListener('pointerdown', (event) => {
      this.hit.setPointerCapture(event.pointerId);
      this.choose(event);
    });
    this.hit.addEventListener('pointermove', (event) => event.buttons === 1 && this.choose(event));
    this.hit.addEventListener('keydown', (event) => this.key(event));
  }

  private choose(event: PointerEvent): void {
    this.timeline.showNearest(this.scale('x').scale.invert(pointIn(this.hit, event).x));
  }

  private key(event: KeyboardEvent): void {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[keyOf(event) ?? ''];
    if (by !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.timeline.moveBy(by * (event.shiftKey ? 10 : 1));
    }
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const run = this.timeline.snapshots;
    if (!this.hit.isConnected || run.length === 0) {
      return;
    }
    const [first, last] = [run[0].step, run[run.length - 1].step];
    this.scale('x').model.set({ min: first, max: Math.max(last, first + 1) });
    this.fit(run);
    setAttributes(this.hit, { width: this.width, height: this.height });
    this.drawRun(context, run);
    this.words(run);
    this.placeLine(this.line, this.timeline.shown?.step ?? null);
    this.placeLine(this.pin, this.pinned);
    this.caption.textContent = this.captionText;
  }

  protected fit(_run: readonly Step[]): void {}
  protected abstract get captionText(): string;

  private placeLine(line: SVGElement, step: number | null): void {
    show(line, step !== null);
    if (step !== null) {
      const x = Math.round(this.x(step)) + 0.5;
      setAttributes(line, { x1: x, x2: x, y1: 0, y2: this.height + this.lineOverhang });
    }
  }

  protected x(step: number): number {
    return this.scale('x').scale(step);
  }

  protected readonly hit = svg('rect', { class: 'rnngrad-hit', fill: 'transparent' });
  private readonly line = svg('line', { class: 'rnngrad-cross' });
  private readonly pin = svg('line', { class: 'rnngrad-cross rnngrad-pin' });
  private readonly caption = svg('text', {
    class: 'rnngrad-label rnngrad-quiet rnngrad-figure-caption',
    x: 0,
    y: -7,
  });
  protected readonly readout = svg('text', { class: 'rnngrad-label', y: -7, 'text-anchor': 'end' });
}

/** A mark over the snapshots of one run. */
export abstract class TimelineMark extends StepMark<SnapshotModel> {
  declare model: TimelineMarkModel;

  protected override get timeline(): TimelineModel {
    return this.model.timeline;
  }

  protected override get pinned(): number | null {
    return this.timeline.get('pinned') as number | null;
  }
}

/** The loss of the batch at every snapshot. */
export class Losses extends TimelineMark {
  /** Whether the full caption and readout would overlap. */
  private get tight(): boolean {
    return this.width < 400;
  }

  protected override get captionText(): string {
    return this.tight ? 'Loss' : 'Loss of the batch shown';
  }

  protected override readonly lineOverhang = 24;

  protected override setup(): void {
    super.setup();
    this.el.append(this.dot);
  }

  protected override fit(run: readonly SnapshotModel[]): void {
    const { min, max, ticks } = lossAxis(run.map(({ loss }) => loss));
    const labelled = ticks.map((v): Tick => [v, lossText(v)]);
    this.fitAxis('y', 'axis', { min, max, ticks: labelled });
  }

  protected drawRun(context: CanvasRenderingContext2D, run: readonly SnapshotModel[]): void {
    const y = this.scale('y').scale;
    this.rule(context, y(0) - 1, 0.22);
    context.strokeStyle = theme().ink;
    context.lineWidth = 1.5;
    context.beginPath();
    let open = false;
    for (const snapshot of run) {
      if (Number.isFinite(snapshot.loss)) {
        context[open ? 'lineTo' : 'moveTo'](this.x(snapshot.step), y(snapshot.loss));
      }
      open = Number.isFinite(snapshot.loss);
    }
    context.stroke();
    const shown = this.timeline.shown;
    show(this.dot, shown !== null && Number.isFinite(shown.loss));
    if (shown !== null && Number.isFinite(shown.loss)) {
      setAttributes(this.dot, { cx: this.x(shown.step), cy: y(shown.loss) });
    }
  }

  protected words(): void {
    const { shown } = this.timeline;
    const unit = this.tight ? 'step' : 'training step';
    const step = shown === null ? '' : `${unit} ${grouped(shown.step)}`;
    const value = shown === null || Number.isNaN(shown.loss) ? 'NaN' : lossText(shown.loss);
    const { pinned } = this;
    const against = pinned === null ? '' : ` · A: step ${grouped(pinned)}`;
    this.readout.textContent = `${step} · loss ${value}${against}`;
    setAttributes(this.readout, { x: this.width });
  }

  private readonly dot = svg('circle', { class: 'rnngrad-dot', r: 4 });
}
