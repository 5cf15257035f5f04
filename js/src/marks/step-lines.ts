import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { isOnPage } from '../data/compared';
import type { Step } from '../data/run';
import { grouped, lossText } from '../drawing/format';
import { dashOf } from '../drawing/line-style';
import { logLossAxis, lossAxis } from '../drawing/linear';
import { setAttributes, show, svg } from '../drawing/svg';
import { sampleColour } from '../drawing/theme';
import type { Tick } from '../drawing/ticks';
import { evenTicks, numbered, roundTicks } from '../drawing/ticks';
import type { RunStackModel } from '../widgets/run-stack';
import type { SharedTimelineModel } from '../widgets/shared-timeline';
import type { SnapshotModel } from '../widgets/snapshot';
import { SelectionMarkModel } from './canvas-mark';
import { StepMark } from './timeline-marks';

export class StepLinesModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'StepLinesModel',
      _view_name: 'StepLines',
      timeline: null,
      stack: null,
      base: 0,
      axis: null,
      x_axis: null,
      shows: 'loss',
      caption: '',
    };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    timeline: { deserialize: unpack_models },
    stack: { deserialize: unpack_models },
    axis: { deserialize: unpack_models },
    x_axis: { deserialize: unpack_models },
  };

  /** The runs of the page that is shown. */
  get runs(): SharedTimelineModel['runs'] {
    const { page } = this.get('stack') as RunStackModel;
    const base = this.get('base') as number;
    const { runs } = this.get('timeline') as SharedTimelineModel;
    return runs.filter(({ group }) => isOnPage(group, base, page));
  }

  get showsLoss(): boolean {
    return this.get('shows') === 'loss';
  }

  /** What is drawn of a snapshot; NaN where it is not known. */
  valueAt(snapshot: SnapshotModel): number {
    if (this.showsLoss) {
      return snapshot.loss;
    }
    const { reach } = snapshot.get('told') as { reach?: readonly (number | null)[] };
    const lags = (reach ?? []).filter((lag) => lag !== null);
    return lags.length === 0 ? NaN : Math.max(...lags);
  }
}

/** A line for each run over training steps: its loss, or how far its gradient reaches. */
export class StepLines extends StepMark<Step> {
  declare model: StepLinesModel;

  protected override get timeline(): SharedTimelineModel {
    return this.model.get('timeline') as SharedTimelineModel;
  }

  protected override get captionText(): string {
    return `${this.model.get('caption')}${this.isLog ? ', log scale' : ''}`;
  }

  protected override readonly lineOverhang = 6;

  protected override setup(): void {
    super.setup();
    this.el.append(this.dots);
  }

  protected override fit(run: readonly Step[]): void {
    const values = this.model.runs.flatMap(({ timeline }) =>
      timeline.snapshots.map((snapshot) => this.model.valueAt(snapshot)),
    );
    this.isLog = false;
    if (this.model.showsLoss) {
      const decades = logLossAxis(values);
      this.isLog = decades !== null;
      const { min, max, ticks } = decades ?? lossAxis(values);
      const labelled = ticks.map((v): Tick => [this.isLog ? Math.log10(v) : v, lossText(v)]);
      this.fitAxis('y', 'axis', { min, max, ticks: labelled });
    } else {
      const most = values.filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 1);
      const ticks = numbered(evenTicks(most + 1, 2));
      this.fitAxis('y', 'axis', { min: 0, max: 1.05 * most, ticks });
    }
    const [first, last] = [run[0].step, run[run.length - 1].step];
    const count = this.width < 400 ? 4 : 8;
    this.setTicks(
      'x_axis',
      roundTicks(first, last, count).map((step): Tick => [step, grouped(step)]),
    );
  }

  protected drawRun(context: CanvasRenderingContext2D): void {
    const { scale } = this.scale('y');
    const y = (value: number): number => scale(this.isLog ? Math.log10(value) : value);
    if (!this.isLog) {
      this.rule(context, y(0) - 1, 0.22);
    }
    const dots = this.model.runs.flatMap(({ timeline, group }) => {
      const colour = sampleColour(group);
      context.strokeStyle = colour;
      context.setLineDash(dashOf(group) as number[]);
      this.trace(context, timeline.snapshots, y);
      context.setLineDash([]);
      return this.dotOf(timeline.shown, y, colour);
    });
    this.dots.replaceChildren(...dots);
  }

  private trace(
    context: CanvasRenderingContext2D,
    run: readonly SnapshotModel[],
    y: (value: number) => number,
  ): void {
    context.lineWidth = 1.5;
    context.beginPath();
    let open = false;
    for (const snapshot of run) {
      const value = this.model.valueAt(snapshot);
      if (Number.isFinite(value)) {
        context[open ? 'lineTo' : 'moveTo'](this.x(snapshot.step), y(value));
      }
      open = Number.isFinite(value);
    }
    context.stroke();
  }

  /** Mark the snapshot that is shown, if it has a value. */
  private dotOf(
    shown: SnapshotModel | null,
    y: (value: number) => number,
    colour: string,
  ): SVGElement[] {
    const value = shown === null ? NaN : this.model.valueAt(shown);
    if (shown === null || !Number.isFinite(value)) {
      return [];
    }
    const dot = svg('circle', { r: 4, cx: this.x(shown.step), cy: y(value) });
    dot.setAttribute('style', `fill: ${colour}`);
    return [dot];
  }

  protected words(): void {
    const { shown } = this.timeline;
    this.readout.textContent = shown === null ? '' : `training step ${grouped(shown.step)}`;
    show(this.readout, this.model.showsLoss);
    setAttributes(this.readout, { x: this.width });
  }

  private isLog = false;
  private readonly dots = svg('g', { class: 'rnngrad-run-dots' });
}
