import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { LastKey } from '../data/memo';
import type { PlotArray } from '../data/slicing';
import { largestMagnitude, row } from '../data/slicing';
import { onCanvas } from '../drawing/linear';
import { setAttributes, svg } from '../drawing/svg';
import { NON_FINITE, theme } from '../drawing/theme';
import { valueAxis } from '../drawing/value-axis';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

/** Share of a sample's width that its dots take. */
const SPREAD = 0.88;

/** Where a channel's dot is within its sample: -0.5 .. 0.5 of the sample's width, first to last. */
export function dotOffset(channel: number, channels: number): number {
  return SPREAD * ((channel + 0.5) / channels - 0.5);
}

/** The channel whose dot in the column of `sample` is nearest to the pixel (x, y). */
export function nearestDot(
  plotArray: PlotArray,
  sample: number,
  x: number,
  y: number,
  at: { x: (place: number) => number; y: (value: number) => number },
): number {
  let best = 0;
  let distance = Infinity;
  row(plotArray, sample).forEach((value, channel) => {
    const dx = at.x(sample + dotOffset(channel, plotArray.channels)) - x;
    const dy = at.y(Number.isFinite(value) ? value : 0) - y;
    if (dx * dx + dy * dy < distance) {
      distance = dx * dx + dy * dy;
      best = channel;
    }
  });
  return best;
}

export class ScatterModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'ScatterModel', _view_name: 'Scatter', axis: null };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    axis: { deserialize: unpack_models },
  };
}

export class BarsModel extends ScatterModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'BarsModel', _view_name: 'Bars' };
  }
}

/** What scatter and bars share: the y axis over all values, and the colour of a channel's value. */
abstract class ValuesMark extends CanvasMark {
  declare model: ScatterModel;

  protected override setup(): void {
    this.drawBeyondPlot(); // the label is in the margin
    this.el.appendChild(this.legend);
  }

  /**
   * Hue is the sign, as everywhere; within it the shade runs from the first channel (light) to the
   * last (full), so that a channel has its colour in every sample.
   */
  protected colour(value: number, channel: number, channels: number, faded: boolean): string {
    if (!Number.isFinite(value)) {
      return NON_FINITE;
    }
    const { negative, positive } = theme();
    const shade = 0.45 + (0.55 * (channel + 1)) / channels;
    const alpha = Math.round(255 * shade * (faded ? 0.45 : 1));
    return (value < 0 ? negative : positive) + alpha.toString(16).padStart(2, '0');
  }

  protected fitScale(plotArray: PlotArray): void {
    const { ylim } = this.selection;
    if (!this.fittedFor.changed([plotArray.data, ylim])) {
      return;
    }
    this.fitAxis('y', 'axis', valueAxis(ylim ?? largestMagnitude(plotArray.data)));
  }

  protected zeroLine(context: CanvasRenderingContext2D): void {
    this.rule(context, this.y(0), 0.22);
  }

  protected x(place: number): number {
    return this.scale('x').scale(place);
  }

  /** Pixel of a value. One that is not finite is shown at zero, in a colour of its own. */
  protected y(value: number): number {
    return onCanvas(this.scale('y').scale(Number.isFinite(value) ? value : 0));
  }

  protected readonly legend = svg('text', { class: 'rnngrad-label rnngrad-strong' });
  private readonly fittedFor = new LastKey();
}

/**
 * Values of every channel, sample by sample, without time. The hue is the sign; the shade is the
 * channel, from the first (light) to the last (full). Rings mark the chosen channel.
 */
export class Scatter extends ValuesMark {
  protected override paint(context: CanvasRenderingContext2D): void {
    const plotArray = this.selection.plotArray;
    if (plotArray === null) {
      return;
    }
    const { sample, channel } = this.selection.point;
    this.fitScale(plotArray);
    this.zeroLine(context);
    const radius = this.width / (plotArray.samples * plotArray.channels) > 0.5 ? 2.2 : 1.6;
    for (let s = 0; s < plotArray.samples; s++) {
      row(plotArray, s).forEach((value, c) => {
        context.fillStyle = this.colour(value, c, plotArray.channels, s !== sample);
        this.circle(context, s, c, plotArray, value, s === sample ? radius + 0.6 : radius);
        context.fill();
      });
    }
    context.strokeStyle = theme().ink;
    for (let s = 0; s < plotArray.samples; s++) {
      context.lineWidth = s === sample ? 2 : 1;
      context.globalAlpha = s === sample ? 1 : 0.6;
      this.circle(context, s, channel, plotArray, row(plotArray, s)[channel], 5);
      context.stroke();
    }
    context.globalAlpha = 1;
    // the narrow margin has no room for the word
    this.legend.textContent = this.narrow ? `○ ${channel}` : `○ channel ${channel}`;
    setAttributes(this.legend, { x: this.width + 8, y: 12 });
  }

  private circle(
    context: CanvasRenderingContext2D,
    sample: number,
    channel: number,
    plotArray: PlotArray,
    value: number,
    radius: number,
  ): void {
    context.beginPath();
    const x = this.x(sample + dotOffset(channel, plotArray.channels));
    context.arc(x, this.y(value), radius, 0, 2 * Math.PI);
  }
}

/**
 * Values of the chosen sample, a bar for each channel. Crosses mark channels that are zero
 * everywhere.
 */
export class Bars extends ValuesMark {
  protected override paint(context: CanvasRenderingContext2D): void {
    const plotArray = this.selection.plotArray;
    if (plotArray === null) {
      return;
    }
    const { sample, channel } = this.selection.point;
    this.fitScale(plotArray);
    const step = this.x(1) - this.x(0);
    const gap = step > 4 ? 1 : 0;
    const zero = this.y(0);
    const dead = deadChannels(plotArray);
    row(plotArray, sample).forEach((value, c) => {
      const left = this.x(c - 0.5) + gap / 2;
      context.fillStyle = this.colour(value, c, plotArray.channels, c !== channel);
      const y = Number.isFinite(value) ? this.y(value) : 0;
      context.fillRect(left, Math.min(y, zero), Math.max(step - gap, 0.5), Math.abs(y - zero));
    });
    this.zeroLine(context);
    this.crosses(context, dead, zero, step);
    this.legend.textContent = dead.length > 0 ? '× zero in all' : '';
    this.legend.setAttribute('class', 'rnngrad-label rnngrad-quiet');
    setAttributes(this.legend, { x: this.width + 8, y: zero + 4 });
  }

  private crosses(
    context: CanvasRenderingContext2D,
    channels: number[],
    zero: number,
    step: number,
  ): void {
    const arm = Math.min(3, step / 2);
    context.strokeStyle = theme().ink;
    context.lineWidth = 1;
    context.beginPath();
    for (const c of channels) {
      const x = this.x(c);
      context.moveTo(x - arm, zero - arm);
      context.lineTo(x + arm, zero + arm);
      context.moveTo(x - arm, zero + arm);
      context.lineTo(x + arm, zero - arm);
    }
    context.stroke();
  }
}

/** Channels that are zero in every sample. */
function deadChannels(plotArray: PlotArray): number[] {
  const alive = new Uint8Array(plotArray.channels);
  plotArray.data.forEach((value, i) => {
    if (value !== 0) {
      alive[i % plotArray.channels] = 1;
    }
  });
  return [...alive.keys()].filter((c) => alive[c] === 0);
}
