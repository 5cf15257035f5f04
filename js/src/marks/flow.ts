import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { lagProfile } from '../data/lags';
import { LastKey, Memo } from '../data/memo';
import type { PlotArray } from '../data/slicing';
import { secondHalf } from '../data/slicing';
import type { Norms, Quartiles } from '../data/statistics';
import {
  combined,
  normsOverChannels,
  notReached,
  quartiles,
  smallestOf,
  THRESHOLD,
} from '../data/statistics';
import { flowAxis } from '../drawing/flow-axis';
import { tick } from '../drawing/format';
import { LABEL_GAP, spaceLabels } from '../drawing/label-spacing';
import { namedLines } from '../drawing/line-names';
import { polyline } from '../drawing/polyline';
import { setAttributes, show, svg } from '../drawing/svg';
import { sampleColour, theme } from '../drawing/theme';
import type { TensorModel } from '../widgets/tensor';
import { isTruncation } from '../widgets/text';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

export class FlowModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    const names = { _model_name: 'FlowModel', _view_name: 'Flow' };
    return { ...super.defaults(), ...names, axis: null, all_samples: false, companion: false };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    axis: { deserialize: unpack_models },
  };
}

/** One direction's flow: its norms, their quartiles over samples, and how it is drawn. */
interface Stream {
  readonly name: string;
  readonly ink: string;
  readonly norms: Norms;
  /** The smallest norm that is not 0. */
  readonly smallest: number;
  readonly over: Quartiles;
}

/**
 * Gradient flow: log10 of the norm over channels, over time. Shows the chosen sample, the batch's
 * median and quartiles, and the threshold below which gradient does not reach a timestep. Of a reach
 * the lag profile: how much of what a timestep of the loss contributes is left so many steps back.
 */
export class Flow extends CanvasMark {
  declare model: FlowModel;

  protected override setup(): void {
    this.drawBeyondPlot(); // the labels are in the margin
    this.el.append(this.wash, this.unreached, this.labels, ...this.dots);
  }

  private get tensor(): TensorModel {
    return this.model.get('companion') ? this.selection.companion : this.selection.tensor;
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const plotArray = this.tensor.plotArray;
    if (plotArray === null) {
      return;
    }
    const streams = this.streams(plotArray);
    const largest = largestOf(streams);
    const byLag = isTruncation(this.tensor); // then there is one line, of the batch
    const hasThreshold = this.fitScale(streams) && !byLag;
    this.shade(byLag ? [] : streams, largest);
    const allSamples = this.model.get('all_samples') as boolean;
    const { threshold, timeRange } = this.selection;
    const drawn = [streams, threshold, ...timeRange, ...this.scale('y').scale.domain()];
    this.paintCached(context, drawn, (cached) => {
      if (allSamples) {
        streams.forEach((stream) => this.drawAllSamples(cached, stream));
      }
      streams.forEach((stream) => this.drawBatch(cached, stream));
      if (hasThreshold) {
        this.rule(cached, this.y(threshold * largest), 0.6, [4, 3]);
      }
    });
    const { point, hoveredSample } = this.selection;
    const { timestep } = point;
    const sample = byLag ? 0 : point.sample;
    const hovered = allSamples && !byLag ? hoveredSample : null;
    streams.forEach((stream, i) => {
      const { values } = stream.norms;
      const rowOf = (s: number): Float64Array =>
        values.subarray(s * plotArray.timesteps, (s + 1) * plotArray.timesteps);
      if (hovered !== null) {
        context.strokeStyle = sampleColour(hovered);
        context.lineWidth = 2;
        this.trace(context, rowOf(hovered));
      }
      const row = rowOf(sample);
      context.strokeStyle = stream.ink;
      context.lineWidth = 2;
      context.lineJoin = 'round';
      this.trace(context, row);
      this.placeDot(this.dots[i], stream.ink, timestep, row[timestep]);
    });
    show(this.dots[1], streams.length === 2);
    const shown = hasThreshold ? largest : 0;
    this.placeLabels(streams, [sample, hovered], plotArray.timesteps, shown);
  }

  /** Norms depend on the tensor and the order only, so that moving a slider computes none. */
  private streams(
    plotArray: PlotArray,
    tensor: TensorModel = this.tensor,
    memo = this.summed,
  ): Stream[] {
    const { reflect } = this.selection;
    const { ink, backward } = theme();
    const key = [plotArray.data, tensor.mask, reflect, ink, tensor.directions.join()];
    return memo.get(key, () => {
      if (tensor.reach !== null) {
        return [streamOf('', ink, lagProfile(plotArray, tensor.reach))];
      }
      const middle = secondHalf(plotArray);
      const sum = (start: number, stop: number, flip: boolean): Norms =>
        normsOverChannels(plotArray, start, stop, flip, tensor.mask);
      if (tensor.directions.length === 2) {
        return [
          streamOf('forward', ink, sum(0, middle, false)),
          streamOf('backward', backward, sum(middle, plotArray.channels, reflect)),
        ];
      }
      const whole = reflect
        ? combined(sum(0, middle, false), sum(middle, plotArray.channels, true))
        : sum(0, plotArray.channels, false);
      return [streamOf('', ink, whole)];
    });
  }

  /** Fit the axis to the norms, of both flows where there are two; tell if it has the threshold. */
  private fitScale(streams: Stream[]): boolean {
    const all = [...streams, ...this.others()];
    const largest = Math.max(...all.map(({ norms }) => norms.largest));
    const smallest = Math.min(...all.map((each) => each.smallest));
    const most = this.height > 200 ? 6 : 3;
    const key = [largest, smallest, this.selection.threshold, most];
    if (this.fittedFor.changed(key)) {
      this.fitted = flowAxis(largest, smallest, this.selection.threshold, most);
      this.fitAxis('y', 'axis', this.fitted);
    }
    // the threshold is a share of the largest norm of what is drawn here
    const place = Math.log10(this.selection.threshold * largestOf(streams));
    return largestOf(streams) > 0 && this.fitted.hasThreshold && place > this.fitted.min;
  }

  /** What the flow over or under this one draws. */
  private others(): Stream[] {
    const { tensor, companion } = this.selection;
    const other = this.model.get('companion') ? tensor : companion;
    const isBeside = this.model.get('all_samples') && companion.plotArray !== null;
    const array = isBeside ? other.plotArray : null;
    return array === null ? [] : this.streams(array, other, this.summedOther);
  }

  /** Shade the timesteps that gradient does not reach, with words where they fit. */
  private shade(streams: Stream[], largest: number): void {
    const run =
      streams.length === 1
        ? notReached(streams[0].over.median, largest, this.selection.threshold)
        : null;
    show(this.wash, run !== null);
    show(this.unreached, run !== null);
    if (run === null) {
      return;
    }
    const x = Math.max(this.x(run[0] - 0.5), 0);
    const width = Math.min(this.x(run[1] + 0.5), this.width) - x;
    setAttributes(this.wash, { x, y: 0, width, height: this.height });
    const words = width > 190 ? `does not reach: timesteps ${run[0]}–${run[1]}` : 'does not reach';
    this.unreached.textContent = width > 90 ? words : '';
    setAttributes(this.unreached, { x: x + 9, y: 15 });
  }

  private drawBatch(context: CanvasRenderingContext2D, { norms, over, ink }: Stream): void {
    if (norms.samples === 1) {
      return;
    }
    const last = norms.timesteps - 1;
    context.fillStyle = ink;
    context.globalAlpha = 0.11;
    context.beginPath();
    for (let t = 0; t <= last; t++) {
      context.lineTo(this.x(t), this.y(over.upper[t]));
    }
    for (let t = last; t >= 0; t--) {
      context.lineTo(this.x(t), this.y(over.lower[t]));
    }
    context.fill();
    context.globalAlpha = 0.55;
    context.strokeStyle = ink;
    context.lineWidth = 1.25;
    this.trace(context, over.median);
    context.globalAlpha = 1;
  }

  /** Each sample in its colour. */
  private drawAllSamples(context: CanvasRenderingContext2D, { norms }: Stream): void {
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    for (let s = 0; s < norms.samples; s++) {
      context.strokeStyle = sampleColour(s);
      this.trace(context, norms.values.subarray(s * norms.timesteps, (s + 1) * norms.timesteps));
    }
    context.globalAlpha = 1;
  }

  private trace(context: CanvasRenderingContext2D, norms: Float64Array): void {
    polyline(
      context,
      this.x(0),
      this.x(1) - this.x(0),
      norms.map((norm) => this.y(norm)),
    );
  }

  private placeDot(dot: SVGElement, ink: string, timestep: number, norm: number): void {
    show(dot, Number.isFinite(norm));
    if (Number.isFinite(norm)) {
      setAttributes(dot, { cx: this.x(timestep), cy: this.y(norm), style: `fill: ${ink}` });
    }
  }

  private placeLabels(
    streams: Stream[],
    [sample, hovered]: readonly [number, number | null],
    count: number,
    largest: number,
  ): void {
    const [first, second] = streams;
    const end = (stream: Stream, sample: number): number => {
      const norms = stream.norms.values.subarray(sample * count, (sample + 1) * count);
      const norm = norms.filter(Number.isFinite).at(-1) ?? NaN;
      return (Number.isFinite(norm) ? this.y(norm) : this.height / 2) + 4;
    };
    const several = first.norms.samples > 1;
    const narrow = this.narrow;
    const isNamed = (this.model.get('all_samples') as boolean) && several;
    const room = this.height - 3 * LABEL_GAP;
    const named = isNamed ? namedLines(first.norms.samples, sample, hovered, room) : [sample];
    const batch = several ? (narrow ? 'median' : 'median, quartiles') : '';
    const texts: [string, number, string][] = second
      ? [
          [first.name, end(first, sample), first.ink],
          [second.name, end(second, sample), second.ink],
          [hovered === null ? '' : `sample ${hovered}`, end(first, hovered ?? 0), ''],
        ]
      : [
          ...named.map((s): [string, number, string] => [
            isTruncation(this.tensor) ? 'batch' : `sample ${s}`,
            end(first, s),
            s === sample ? first.ink : sampleColour(s),
          ]),
          [batch, end(first, sample) + LABEL_GAP, ''],
        ];
    const { threshold } = this.selection;
    const words = `${tick(threshold)} × ${narrow ? 'max' : 'maximum'}`;
    texts.push([largest > 0 ? words : '', this.y(threshold * largest) + 4, '']);
    this.labels.replaceChildren();
    const written = texts.filter(([text]) => text !== '');
    spaceLabels(
      written.map(([, y]) => y),
      9,
      this.height - 1,
    ).forEach((y, i) => {
      const [text, , ink] = written[i];
      const label = svg('text');
      this.labels.append(label);
      label.textContent = text;
      const isBold = streams.some((stream) => stream.ink === ink) || text === `sample ${hovered}`;
      label.setAttribute('class', `rnngrad-label rnngrad-${isBold ? 'strong' : 'quiet'}`);
      label.setAttribute('style', ink === '' ? '' : `fill: ${ink}`);
      setAttributes(label, { x: this.width + 8, y });
    });
  }

  private x(place: number): number {
    return this.scale('x').scale(place);
  }

  /** Pixel of a norm. What lies below the axis, zero too, is drawn on its lower end. */
  private y(norm: number): number {
    const { scale } = this.scale('y');
    return scale(Math.max(Math.log10(norm), scale.domain()[0]));
  }

  private readonly fittedFor = new LastKey();
  private fitted = flowAxis(0, 0, THRESHOLD, 3);
  private readonly summed = new Memo<Stream[]>();
  private readonly summedOther = new Memo<Stream[]>();
  private readonly wash = svg('rect', { class: 'rnngrad-band' });
  private readonly unreached = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
  private readonly labels = svg('g');
  private readonly dots = [
    svg('circle', { class: 'rnngrad-dot', r: 4 }),
    svg('circle', { class: 'rnngrad-dot', r: 4 }),
  ];
}

function streamOf(name: string, ink: string, norms: Norms): Stream {
  return { name, ink, norms, smallest: smallestOf(norms), over: quartiles(norms) };
}

function largestOf(streams: Stream[]): number {
  return Math.max(...streams.map(({ norms }) => norms.largest));
}
