import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, unpack_models } from '@jupyter-widgets/base';

import type { Bins, Octaves } from '../data/distribution';
import { octaves, shownBlocks, wholeBlock } from '../data/distribution';
import type { Drawn, ValueAxis } from '../data/histogram';
import { chosenBlocks, countAll, countLine, fitAxis, LINES } from '../data/histogram';
import { Memo } from '../data/memo';
import type { Point } from '../data/slicing';
import { drawBars } from '../drawing/bars';
import { countRange } from '../drawing/count-axis';
import { magnitudeOf, number, share, ticks } from '../drawing/format';
import { polyline } from '../drawing/polyline';
import { emptyReason, shares, textColumn } from '../drawing/shares';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { theme } from '../drawing/theme';
import type { Fit, Tick } from '../drawing/ticks';
import { roundTicks } from '../drawing/ticks';
import { MODULE_STATE } from '../version';
import { histogramCaption, histogramHover } from '../widgets/histogram-text';
import { KEYS, keyOf } from '../widgets/keys';
import { TextLine } from '../widgets/readout';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';
import { spokenPlot } from './plot-area';

export class HistogramModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'HistogramModel',
      _view_name: 'Histogram',
      signed: 0,
      log_count: 0,
      line: 0,
      value_axis: null,
      count_axis: null,
    };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    value_axis: { deserialize: unpack_models },
    count_axis: { deserialize: unpack_models },
  };

  /**
   * The bin that was pointed at last; null if there was none, or if the bins have changed since.
   */
  get pointed(): number | null {
    return this.bins !== null && this.bins === this.drawn?.bins ? this.bin : null;
  }

  /** Point at a bin, and trigger `pointed` for the readouts. */
  pointAt(bin: number): void {
    this.bins = this.drawn?.bins ?? null;
    this.bin = Math.min(Math.max(bin, 0), (this.bins?.counts.length ?? 1) - 1);
    this.trigger('pointed');
  }

  /** What is drawn, counted again only when the tensor, the axis or the part has changed. */
  get drawn(): Drawn | null {
    const { plotArray, tensor, point, isZoomed, timeRange, reflect } = this.selection;
    if (plotArray === null) {
      return null;
    }
    const { mask } = tensor;
    const signed = this.get('signed') === 1;
    const of = LINES[this.get('line') as 0 | 1];
    const tally = this.tally.get([plotArray.data, mask], () =>
      octaves(plotArray, [wholeBlock(plotArray)], mask),
    );
    const axis = this.axis.get([tally, signed], () => fitAxis(plotArray, mask, tally, signed));
    const isReflected = isZoomed && reflect;
    const blocks = shownBlocks(plotArray, timeRange, isReflected);
    const batch = this.batch.get([tally, axis, ...timeRange, isReflected], () =>
      countAll(plotArray, blocks, mask, isZoomed ? octaves(plotArray, blocks, mask) : tally, axis),
    );
    const { sample, channel } = point;
    const timed = tensor.columns === 'timestep';
    return this.both.get([batch, of, sample, of === 'channel' ? channel : null], () => {
      const chosen = chosenBlocks(blocks, of, sample, channel, timed);
      return { ...batch, line: countLine(plotArray, mask, batch, chosen, of) };
    });
  }

  /** JupyterLab may keep a closed model alive: let at least its memory go. */
  override close(comm_closed?: boolean): Promise<void> {
    [this.tally, this.axis, this.batch, this.both].forEach((memo) => memo.clear());
    this.bins = null;
    return super.close(comm_closed);
  }

  private readonly tally = new Memo<Octaves>();
  private readonly axis = new Memo<ValueAxis>();
  private readonly batch = new Memo<Drawn>();
  private readonly both = new Memo<Drawn>();
  private bins: Bins | null = null;
  private bin = 0;
}

/** Distribution of all samples in bars, that of the chosen sample or channel as a line. */
export class Histogram extends CanvasMark {
  declare model: HistogramModel;

  protected override setup(): void {
    const { el } = this;
    this.drawBeyondPlot(); // the shares are in the margin
    el.append(this.band, this.hit, this.words, this.shares, this.label);
    const help =
      'left and right arrows move the bin, up and down the channel; Page Up and Page Down, or brackets, the sample';
    const keys = 'ArrowLeft ArrowRight ArrowDown ArrowUp PageUp PageDown [ ]';
    setAttributes(this.hit, { ...spokenPlot(help), [KEYS]: keys });
    this.hit.addEventListener('pointermove', (event) => this.pointAt(event));
    this.hit.addEventListener('keydown', (event) => this.key(event));
    this.hit.addEventListener('dblclick', () => this.selection.zoom(null));
    this.listenTo(this.model, 'pointed', this.drawBand);
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const { drawn } = this.model;
    setAttributes(this.hit, { width: this.width, height: this.height });
    if (drawn === null) {
      return;
    }
    const { ticks: axis } = this.fitAxes(drawn);
    this.placeWords(drawn);
    this.drawBand();
    if (drawn.bins !== null) {
      const { counts } = drawn.bins;
      axis.forEach(([at]) => this.rule(context, this.scale('y').scale(at), 0.07));
      drawBars(context, this.edges(drawn), (i) => this.y(counts[i]), this.height);
      this.drawLine(context, drawn);
    }
  }

  /** Fit the axes to the bins, and to their counts with a little room. */
  private fitAxes(drawn: Drawn): Fit {
    const { bins, line } = drawn;
    const edges = bins?.edges ?? Float64Array.of(1, 10);
    const ends = [edges[0], edges[edges.length - 1]].map((edge) => place(edge, drawn));
    const peak = line === null ? 0 : line.factor * Math.max(...line.counts);
    const most = Math.max(peak, ...(bins?.counts ?? []), 1);
    this.fitAxis('x', 'value_axis', {
      min: ends[0],
      max: ends[1],
      ticks: bins === null ? [] : valueTicks(ends[0], ends[1], this.width, drawn.magnitude),
    });
    const counts = countRange(most, this.logCount);
    this.fitAxis('y', 'count_axis', counts);
    return counts;
  }

  private drawLine(context: CanvasRenderingContext2D, drawn: Drawn): void {
    const { line } = drawn;
    if (line === null) {
      return;
    }
    const [left, right] = this.edges(drawn);
    context.strokeStyle = theme().ink;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    const ys = Float64Array.from(line.counts, (count) => this.y(count * line.factor));
    polyline(context, (left + right) / 2, right - left, ys);
  }

  /**
   * Tell in the margin what a logarithm cannot show, or in the plot why there is nothing to draw.
   */
  private placeWords({ tally, below, bins, magnitude }: Drawn): void {
    const symbol = this.selection.tensor.symbol;
    this.label.textContent = magnitude ? magnitudeOf(symbol) : symbol;
    setAttributes(this.label, { x: this.width + 16, y: this.height + 17 });
    this.words.textContent = bins === null ? emptyReason(tally) : '';
    setAttributes(this.words, { x: 9, y: 15 });
    const lines = shares(tally, this.narrow);
    if (below > 0 && bins !== null) {
      const limit = `${this.narrow ? '<' : 'below'} ${number(bins.edges[0])}`;
      lines.push({ text: share(below, tally.total), kind: 'strong' });
      lines.push({ text: limit, kind: 'quiet', second: true });
    }
    this.shares.replaceChildren(...textColumn(lines, this.width + 8));
  }

  private drawBand(): void {
    const { drawn, pointed } = this.model;
    show(this.band, drawn !== null && pointed !== null);
    if (drawn !== null && pointed !== null) {
      const [left, right] = [...this.edges(drawn)].slice(pointed);
      setAttributes(this.band, { x: left, y: 0, width: right - left, height: this.height });
    }
  }

  private pointAt(event: PointerEvent): void {
    const { drawn } = this.model;
    if (drawn?.bins) {
      const { x } = pointIn(this.hit, event);
      this.model.pointAt(Math.floor((x / this.width) * drawn.bins.counts.length));
    }
  }

  /** Arrows move bin and channel, with Shift by ten; brackets and page keys move the sample. */
  private key(event: KeyboardEvent): void {
    const { sample, channel } = this.selection.point;
    const by = event.shiftKey ? 10 : 1;
    const move = (change: Partial<Point>) => (): void => this.selection.choose(change);
    const last = (this.model.drawn?.bins?.counts.length ?? 0) - 1;
    const { pointed } = this.model;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.model.pointAt((pointed ?? last + by) - by),
      ArrowRight: () => this.model.pointAt((pointed ?? -by) + by),
      ArrowDown: move({ channel: channel - by }),
      ArrowUp: move({ channel: channel + by }),
      PageUp: move({ sample: sample - 1 }),
      PageDown: move({ sample: sample + 1 }),
      '[': move({ sample: sample - 1 }),
      ']': move({ sample: sample + 1 }),
    };
    const wanted = moves[keyOf(event) ?? ''];
    if (wanted !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      wanted();
    }
  }

  private edges(drawn: Drawn): Float64Array {
    const { scale } = this.scale('x');
    return (drawn.bins?.edges ?? new Float64Array(0)).map((edge) => scale(place(edge, drawn)));
  }

  /** Pixel of a count. Zero is drawn on the lower end of a logarithmic axis. */
  private y(count: number): number {
    const { scale } = this.scale('y');
    return this.logCount ? scale(Math.max(Math.log10(count), scale.domain()[0])) : scale(count);
  }

  private get logCount(): boolean {
    return this.model.get('log_count') === 1;
  }

  private readonly hit = svg('rect', { class: 'rnngrad-hit', fill: 'transparent' });
  private readonly band = svg('rect', { class: 'rnngrad-band' });
  private readonly words = svg('text', { class: 'rnngrad-empty rnngrad-label rnngrad-quiet' });
  private readonly shares = svg('g', { class: 'rnngrad-shares' });
  private readonly label = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
}

/** Where a value is on its axis: magnitudes by their logarithm. */
function place(value: number, { magnitude }: Drawn): number {
  return magnitude ? Math.log10(value) : value;
}

function valueTicks(from: number, to: number, pixels: number, magnitude: boolean): Tick[] {
  const room = Math.max(Math.floor(pixels / 90), 3);
  const places = roundTicks(from, to, room, magnitude ? 1 : 0);
  const labels = magnitude ? places.map((at) => `1e${at}`) : ticks(places);
  return places.map((at, i) => [at, labels[i]]);
}

export class HistogramReadoutModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'HistogramReadoutModel',
      _view_name: 'HistogramReadout',
      histogram: null,
      kind: 'caption',
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    histogram: { deserialize: unpack_models },
  };
}

/** What is drawn, or the bin that is pointed at, in words. */
export class HistogramReadout extends TextLine {
  override render(): void {
    const kind = this.model.get('kind') as 'caption' | 'hover';
    const histogram = this.model.get('histogram') as HistogramModel;
    const { selection } = histogram;
    this.el.classList.add('jupyter-widgets', 'rnngrad-readout', `rnngrad-histogram-${kind}`);
    const write = (): void => {
      const { drawn, pointed } = histogram;
      const { plotArray } = selection;
      if (drawn !== null && plotArray !== null) {
        const words =
          kind === 'caption'
            ? histogramCaption(selection, plotArray, drawn)
            : histogramHover(selection, plotArray, drawn, pointed);
        this.write(words);
      }
    };
    this.listenTo(selection, 'redraw', write);
    this.listenTo(histogram, 'change:signed change:line pointed', write);
    write();
  }
}
