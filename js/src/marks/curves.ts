import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { lastCounted } from '../data/masked';
import { LastKey } from '../data/memo';
import type { PlotArray } from '../data/slicing';
import { channelMaximum, isMasked, series } from '../data/slicing';
import { namedLines } from '../drawing/line-names';
import { pixelsOf } from '../drawing/linear';
import { bundle, polyline } from '../drawing/polyline';
import { setAttributes, svg } from '../drawing/svg';
import { sampleColour, theme } from '../drawing/theme';
import { valueAxis } from '../drawing/value-axis';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';
import { lineNames } from './line-labels';

export class CurvesModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    const names = { _model_name: 'CurvesModel', _view_name: 'Curves' };
    return { ...super.defaults(), ...names, axis: null, coloured: false };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    axis: { deserialize: unpack_models },
  };
}

/**
 * The curve of the chosen channel over time: the chosen sample in ink, the others faint behind it.
 *
 * bqplot's `Lines` would redraw 32 x 1000 points 17 times a second. The bundle is painted on the
 * canvas layer and cached instead, so that moving the sample slider draws one curve.
 */
export class Curves extends CanvasMark {
  declare model: CurvesModel;

  protected override setup(): void {
    this.el.append(...this.labels, this.names, this.note);
    this.drawBeyondPlot(); // the labels are in the margin
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const plotArray = this.selection.plotArray;
    if (plotArray === null) {
      return;
    }
    const { sample, channel } = this.selection.point;
    this.fitScale(plotArray, channel);
    const { reflect } = this.selection;
    const key = [
      plotArray.data,
      channel,
      reflect,
      this.selection.ylim,
      ...this.selection.timeRange,
    ];
    this.paintCached(context, key, (cached) => this.drawOtherSamples(cached, plotArray, channel));
    context.lineWidth = 2;
    context.lineJoin = 'round';
    const hovered = this.model.get('coloured') ? this.selection.hoveredSample : null;
    if (hovered !== null) {
      context.strokeStyle = sampleColour(hovered);
      this.trace(context, series(plotArray, hovered, channel, reflect));
    }
    context.strokeStyle = theme().ink;
    const values = series(plotArray, sample, channel, reflect);
    this.trace(context, values);
    if (this.model.get('coloured') && this.selection.tensor.columns === 'timestep') {
      this.nameLines(plotArray, sample, hovered);
    } else {
      this.placeLabels(plotArray, values, sample);
    }
    this.placeNote(plotArray, values, sample, channel);
  }

  /** A symmetric axis that holds the channel in every sample, so that only the channel moves it. */
  private fitScale(plotArray: PlotArray, channel: number): void {
    const { ylim } = this.selection;
    if (!this.fittedFor.changed([plotArray.data, channel, ylim])) {
      return;
    }
    this.fitAxis('y', 'axis', valueAxis(ylim ?? channelMaximum(plotArray, channel)));
  }

  /** All samples and the zero line: faint, or each in its colour. */
  private drawOtherSamples(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    channel: number,
  ): void {
    this.rule(context, this.scale('y').scale(0), 0.22);
    context.strokeStyle = theme().ink;
    const lines = Array.from({ length: plotArray.samples }, (_, s) =>
      this.pixels(series(plotArray, s, channel, this.selection.reflect)),
    );
    const x = this.scale('x').scale;
    if (this.model.get('coloured')) {
      context.lineWidth = 1;
      context.globalAlpha = 0.75;
      lines.forEach((line, s) => {
        context.strokeStyle = sampleColour(s);
        polyline(context, x(0), x(1) - x(0), line);
      });
      context.globalAlpha = 1;
      return;
    }
    bundle(context, x(0), x(1) - x(0), lines, 0.13);
  }

  private trace(context: CanvasRenderingContext2D, values: Float32Array): void {
    const x = this.scale('x').scale;
    polyline(context, x(0), x(1) - x(0), this.pixels(values));
  }

  private pixels(values: Float32Array): Float64Array {
    const { scale } = this.scale('y'); // asking it for each of 32,000 points takes a while
    return pixelsOf(values, scale.domain() as [number, number], scale.range() as [number, number]);
  }

  /** Say why there is no curve, which would look like one that was forgotten. */
  private placeNote(
    plotArray: PlotArray,
    values: Float32Array,
    sample: number,
    channel: number,
  ): void {
    const { columns, rows } = this.selection.tensor;
    const where =
      columns === 'timestep' ? `sample ${sample}, ${rows} ${channel}` : `${rows} ${channel}`;
    const counts = (_: number, t: number): boolean =>
      !isMasked(plotArray, sample, t, channel, this.selection.reflect);
    const reason = values.some(counts)
      ? `no finite value in ${where}`
      : `every timestep of sample ${sample} is masked`;
    this.note.textContent = values.some(Number.isFinite) ? '' : reason;
    setAttributes(this.note, { x: this.width / 2, y: this.height / 2 - 6 });
  }

  /** Name the lines at their ends, each in its colour, up to ten of them. */
  private nameLines(plotArray: PlotArray, chosen: number, hovered: number | null): void {
    this.labels.forEach((label) => {
      label.textContent = '';
    });
    const { channel } = this.selection.point;
    const [first, last] = this.selection.timeRange;
    const names = namedLines(plotArray.samples, chosen, hovered, this.height).map((sample) => {
      const values = series(plotArray, sample, channel, this.selection.reflect);
      const end =
        values
          .subarray(first, last + 1)
          .filter(Number.isFinite)
          .at(-1) ?? 0;
      return { sample, y: this.scale('y').scale(end) + 4 };
    });
    this.names.replaceChildren(
      ...lineNames(names, chosen, hovered, this.width + 8, [9, this.height - 2]),
    );
  }

  private placeLabels(plotArray: PlotArray, values: Float32Array, sample: number): void {
    const last = values[lastCounted(plotArray, sample)];
    const wanted = this.scale('y').scale(Number.isFinite(last) ? last : 0) + 4;
    const several = plotArray.samples > 1;
    const top = Math.min(Math.max(wanted, 10), this.height - (several ? 18 : 4));
    const [chosen, others] = this.labels;
    // a weight belongs to no sample
    const ofSample = this.selection.tensor.columns === 'timestep';
    chosen.textContent = ofSample ? `sample ${sample}` : '';
    others.textContent = several ? (this.narrow ? 'others' : 'other samples') : '';
    for (const [label, y] of [
      [chosen, top],
      [others, Math.max(top + 15, this.height / 2 + 4)],
    ] as const) {
      label.setAttribute('x', String(this.width + 8));
      label.setAttribute('y', String(Math.min(y, this.height - 2)));
    }
  }

  private readonly fittedFor = new LastKey();
  private readonly names = svg('g');
  private readonly note = svg('text', {
    class: 'rnngrad-label rnngrad-alarm',
    'text-anchor': 'middle',
  });
  private readonly labels = [
    svg('text', { class: 'rnngrad-label rnngrad-strong' }),
    svg('text', { class: 'rnngrad-label rnngrad-quiet' }),
  ] as const;
}
