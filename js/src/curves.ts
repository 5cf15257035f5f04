import { unpack_models } from '@jupyter-widgets/base';
import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';
import type { ScaleView } from 'bqplot';

import { CanvasMark, SelectionMarkModel } from './canvas-mark';
import { channelMaximum, series } from './slicing';
import type { Cube } from './slicing';
import { svg } from './svg';
import { theme } from './theme';
import { fitValueAxis } from './value-axis';

export class CurvesModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'CurvesModel', _view_name: 'Curves', axis: null };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    axis: { deserialize: unpack_models },
  };
}

/**
 * The curve of the chosen channel against time: the chosen sample in ink, the others faint behind.
 *
 * bqplot's `Lines` redraws 32 x 1000 points 17 times a second, so the bundle is painted on the
 * canvas layer, and kept: moving the sample slider draws one curve.
 */
export class Curves extends CanvasMark {
  declare model: CurvesModel;

  protected override setup(): void {
    this.labels.forEach((label) => this.el.appendChild(label));
    this.el.removeAttribute('clip-path'); // the labels are in the margin
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const cube = this.selection.cube;
    if (cube === null) {
      return;
    }
    const { sample, channel } = this.selection.point;
    this.fitScale(cube, channel);
    context.drawImage(this.bundle(cube, channel), 0, 0, this.width, this.height);
    context.strokeStyle = theme().ink;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    const values = series(cube, sample, channel, this.selection.reflect);
    this.trace(context, values);
    this.placeLabels(cube, values, sample);
  }

  /** A symmetric axis that holds the channel in every sample, so that only the channel moves it. */
  private fitScale(cube: Cube, channel: number): void {
    const key = [cube.data, channel];
    if (same(key, this.fitted)) {
      return;
    }
    this.fitted = key;
    const limit = channelMaximum(cube, channel) || 1;
    fitValueAxis(this.scale('y').model, this.model.get('axis') as WidgetModel | null, limit);
  }

  /** All samples and the zero line, faint; painted anew only when something but the sample changes. */
  private bundle(cube: Cube, channel: number): HTMLCanvasElement {
    const { reflect } = this.selection;
    const { ink } = theme();
    const key = [cube.data, channel, reflect, ink, this.width, this.height, window.devicePixelRatio];
    if (same(key, this.bundled)) {
      return this.faint;
    }
    this.bundled = key;
    const ratio = window.devicePixelRatio || 1;
    this.faint.width = Math.round(this.width * ratio);
    this.faint.height = Math.round(this.height * ratio);
    const context = this.faint.getContext('2d') as CanvasRenderingContext2D;
    context.scale(ratio, ratio);
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.globalAlpha = 0.22;
    const zero = Math.round(this.scale('y').scale(0)) + 0.5;
    context.beginPath();
    context.moveTo(0, zero);
    context.lineTo(this.width, zero);
    context.stroke();
    context.globalAlpha = 0.13;
    for (let s = 0; s < cube.samples; s++) {
      this.trace(context, series(cube, s, channel, reflect));
    }
    return this.faint;
  }

  /** One curve; a gap where a value is not finite; the extremes where a pixel holds many values. */
  private trace(context: CanvasRenderingContext2D, values: Float32Array): void {
    const [x, y] = [this.scale('x').scale, this.scale('y').scale];
    const x0 = x(0);
    const dx = x(1) - x0;
    const y0 = y(0);
    const dy = y(1) - y0;
    const perPixel = Math.max(1, Math.floor(1 / Math.max(dx, 1e-9) / 2));
    context.beginPath();
    let open = false;
    const point = (t: number): void => {
      const v = values[t];
      if (!Number.isFinite(v)) {
        open = false;
      } else if (open) {
        context.lineTo(x0 + t * dx, y0 + v * dy);
      } else {
        context.moveTo(x0 + t * dx, y0 + v * dy);
        if (values.length === 1 || (t + 1 < values.length && !Number.isFinite(values[t + 1]))) {
          context.lineTo(x0 + t * dx + 1, y0 + v * dy); // a lone point has no line of its own
        }
        open = true;
      }
    };
    for (let t = 0; t < values.length; t += perPixel) {
      if (perPixel === 1) {
        point(t);
      } else {
        extremes(values, t, Math.min(t + perPixel, values.length)).forEach(point);
      }
    }
    context.stroke();
  }

  private placeLabels(cube: Cube, values: Float32Array, sample: number): void {
    const last = values[values.length - 1];
    const wanted = this.scale('y').scale(Number.isFinite(last) ? last : 0) + 4;
    const several = cube.samples > 1;
    const top = Math.min(Math.max(wanted, 10), this.height - (several ? 18 : 4));
    const [chosen, others] = this.labels;
    // a weight belongs to no sample
    const ofSample = this.selection.tensor.columns === 'timestep';
    chosen.textContent = ofSample ? `sample ${sample}` : '';
    others.textContent = several ? (this.width < 700 ? 'others' : 'other samples') : '';
    for (const [label, y] of [[chosen, top], [others, Math.max(top + 15, this.height / 2 + 4)]] as const) {
      label.setAttribute('x', String(this.width + 8));
      label.setAttribute('y', String(Math.min(y, this.height - 2)));
    }
  }

  private scale(axis: 'x' | 'y'): ScaleView {
    return this.scales[axis] as ScaleView;
  }

  private fitted: unknown[] = [];
  private bundled: unknown[] = [];
  private readonly faint = document.createElement('canvas');
  private readonly labels = [
    svg('text', { class: 'rnngrad-label rnngrad-strong' }),
    svg('text', { class: 'rnngrad-label rnngrad-quiet' }),
  ] as const;
}

function same(a: unknown[], b: unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** The indices of the smallest and the largest value in [from, to), in order; of a NaN, if there is one. */
function extremes(values: Float32Array, from: number, to: number): number[] {
  let [low, high] = [from, from];
  for (let t = from; t < to; t++) {
    if (Number.isNaN(values[t])) {
      return [t];
    }
    if (values[t] < values[low]) {
      low = t;
    }
    if (values[t] > values[high]) {
      high = t;
    }
  }
  return low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
}
