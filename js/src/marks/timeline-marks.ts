import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { LastKey } from '../data/memo';
import { Chip } from '../drawing/axis-marks';
import type { Packed } from '../drawing/colours';
import { LOG_DECADES, logPlace, parseColour } from '../drawing/colours';
import { grouped, lossText } from '../drawing/format';
import { lossAxis } from '../drawing/linear';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { NON_FINITE, theme } from '../drawing/theme';
import type { Tick } from '../drawing/ticks';
import { evenTicks, numbered, roundTicks, withoutChip } from '../drawing/ticks';
import { KEYS, keyOf } from '../widgets/keys';
import type { SnapshotModel } from '../widgets/snapshot';
import type { TimelineModel } from '../widgets/timeline';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

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

export class ReachModel extends TimelineMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'ReachModel', _view_name: 'Reach', y_axis: null };
  }
}

/**
 * A mark over training steps, with a line at the step that is shown; pointer and keys choose one.
 */
abstract class TimelineMark extends CanvasMark {
  declare model: TimelineMarkModel;

  protected abstract drawRun(
    context: CanvasRenderingContext2D,
    run: readonly SnapshotModel[],
  ): void;
  protected abstract words(run: readonly SnapshotModel[]): void;
  /** How far the line goes on below the plot area. */
  protected readonly lineOverhang: number = 0;

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.timeline, 'snapshots shown', this.draw);
  }

  protected override setup(): void {
    this.drawBeyondPlot(); // captions and labels are in the margins
    this.el.append(this.hit, this.line, this.pin, this.caption, this.readout);
    const help = 'timeline: left and right arrows choose the training step, with Shift by ten';
    const keys = 'ArrowLeft ArrowRight';
    setAttributes(this.hit, { tabindex: 0, role: 'application', 'aria-label': help, [KEYS]: keys });
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
    this.placeLine(this.pin, this.timeline.get('pinned') as number | null);
    this.caption.textContent = this.captionText;
  }

  protected fit(_run: readonly SnapshotModel[]): void {}
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

  protected get timeline(): TimelineModel {
    return this.model.timeline;
  }

  private readonly hit = svg('rect', { class: 'rnngrad-hit', fill: 'transparent' });
  private readonly line = svg('line', { class: 'rnngrad-cross' });
  private readonly pin = svg('line', { class: 'rnngrad-cross rnngrad-pin' });
  private readonly caption = svg('text', { class: 'rnngrad-label rnngrad-quiet', x: 0, y: -7 });
  protected readonly readout = svg('text', { class: 'rnngrad-label', y: -7, 'text-anchor': 'end' });
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
    const pinned = this.timeline.get('pinned') as number | null;
    const against = pinned === null ? '' : ` · A: step ${grouped(pinned)}`;
    this.readout.textContent = `${step} · loss ${value}${against}`;
    setAttributes(this.readout, { x: this.width });
  }

  private readonly dot = svg('circle', { class: 'rnngrad-dot', r: 4 });
}

/**
 * How far back gradient reaches as training goes on: log10 of the median norm, by step and
 * timestep.
 */
export class Reach extends TimelineMark {
  declare model: ReachModel;

  protected override get captionText(): string {
    return `Reach: median norm by ${this.selection.tensor.columns}, log scale`;
  }

  protected override readonly lineOverhang = 6;

  protected override setup(): void {
    super.setup();
    this.el.append(this.bar, this.chip.box, this.chip.text, this.label);
  }

  protected override fit(): void {
    const timesteps = this.selection.plotArray?.timesteps ?? 1;
    const ticks = numbered(evenTicks(timesteps, 2));
    this.fitAxis('y', 'y_axis', { min: -0.5, max: timesteps - 0.5, ticks });
  }

  protected drawRun(context: CanvasRenderingContext2D, all: readonly SnapshotModel[]): void {
    const run = all.filter(({ array }) => array !== null); // others are on their way
    if (run.length === 0) {
      return;
    }
    const { mask } = this.selection.tensor;
    const rows = run.map((snapshot) => snapshot.reach(mask));
    const largest = Math.max(...rows.map((row) => row.largest));
    const timesteps = rows[rows.length - 1].median.length;
    const last = run[run.length - 1];
    // with the scale, because it learns of a new width a little later
    const key = [run.length, last, largest, timesteps, theme(), this.width, this.x(last.step)];
    if (this.painted.changed(key)) {
      this.fill(
        run,
        rows.map((row) => row.median),
        largest,
        timesteps,
      );
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image, 0, 0, this.width, this.height);
  }

  /** A pixel column for each pixel of the axis: the nearest snapshot's. */
  private fill(
    run: readonly SnapshotModel[],
    rows: Float64Array[],
    largest: number,
    timesteps: number,
  ): void {
    const columns = Math.max(Math.round(this.width), 1);
    this.image.width = columns;
    this.image.height = timesteps;
    const image = new ImageData(columns, timesteps);
    const pixels = new Uint32Array(image.data.buffer);
    const colourOf = normColours(largest);
    const { invert } = this.scale('x').scale;
    let at = 0;
    for (let column = 0; column < columns; column++) {
      const step = invert(((column + 0.5) / columns) * this.width);
      while (
        at + 1 < run.length &&
        Math.abs(run[at + 1].step - step) <= Math.abs(run[at].step - step)
      ) {
        at++;
      }
      for (let t = 0; t < timesteps; t++) {
        pixels[(timesteps - 1 - t) * columns + column] = colourOf(rows[at][t]);
      }
    }
    this.image.getContext('2d')?.putImageData(image, 0, 0);
  }

  protected words(run: readonly SnapshotModel[]): void {
    const { shown } = this.timeline;
    const [first, last] = [run[0].step, run[run.length - 1].step];
    const parts = Math.max(2, Math.floor(this.width / 130));
    const ticks = roundTicks(first, Math.max(last, first + 1), parts, 1);
    const gap = this.width / Math.max(last - first, 1);
    const kept = withoutChip(ticks, shown?.step ?? null, 34 / gap);
    this.setTicks(
      'axis',
      kept.map((v) => [v, grouped(v)]),
    );
    const x = shown === null ? 0 : Math.round(this.x(shown.step));
    const text = shown === null ? null : grouped(shown.step);
    this.chip.place(text, x, this.height + 13, 'middle');
    this.label.textContent = this.narrow ? 'step' : 'training step';
    setAttributes(this.label, { x: this.width + 24, y: this.height + 17 });
    this.drawBar();
  }

  private drawBar(): void {
    const stops = [...theme().sequential].reverse();
    const each = this.height / stops.length;
    const rects = stops.map((fill, i) =>
      svg('rect', {
        x: this.width + 12,
        y: i * each,
        width: 10,
        height: each + 0.5,
        style: `fill: ${fill}`,
      }),
    );
    const labels = ['max', `1e-${LOG_DECADES / 2}`, `1e-${LOG_DECADES}`].map((text, i) => {
      const y = Math.min(Math.max((i / 2) * this.height + 4, 9), this.height);
      const label = svg('text', { class: 'rnngrad-label rnngrad-quiet', x: this.width + 28, y });
      label.textContent = text;
      return label;
    });
    this.bar.replaceChildren(...rects, ...labels);
  }

  private readonly painted = new LastKey();
  private readonly image = document.createElement('canvas');
  private readonly bar = svg('g');
  private readonly chip = new Chip();
  private readonly label = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
}

/** Make the function from a norm to its colour; NaN, where all is masked, has one of its own. */
function normColours(largest: number): (norm: number) => Packed {
  const table = sequentialTable();
  const [below, nonFinite] = [parseColour(theme().below), parseColour(NON_FINITE)];
  const masked = parseColour(theme().masked.ground);
  return (norm) => {
    if (norm === Infinity || Number.isNaN(norm)) {
      return norm === Infinity ? nonFinite : masked;
    }
    const place = logPlace(norm, largest || 1);
    const entry = Math.round((1 + place / LOG_DECADES) * (table.length - 1));
    return place < -LOG_DECADES ? below : table[entry];
  };
}

/** 256 colours from eight decades below the limit to the limit. */
function sequentialTable(): Uint32Array {
  const stops = theme().sequential.map(parseColour);
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(place), stops.length - 2);
    const mix = (shift: number): number => {
      const [a, b] = [(stops[k] >> shift) & 255, (stops[k + 1] >> shift) & 255];
      return Math.round(a + (place - k) * (b - a));
    };
    return ((255 << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0)) >>> 0;
  });
}
