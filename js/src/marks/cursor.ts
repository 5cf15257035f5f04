import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { alone, lagProfile } from '../data/lags';
import { LastKey } from '../data/memo';
import type { PlotArray, Point } from '../data/slicing';
import { isMasked, normOverChannels, secondHalf, series, valueAt } from '../data/slicing';
import { border, Chip } from '../drawing/axis-marks';
import { nearestLine } from '../drawing/line-names';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { evenTicks, indexTicks, numbered, withoutChip } from '../drawing/ticks';
import { isTruncation } from '../widgets/text';
import { SelectionMark, SelectionMarkModel } from './canvas-mark';
import { columnAxisName, followPointer, plotArea } from './plot-area';
import { nearestDot } from './scatter';
import { TimeBrush } from './time-brush';

type Axis = keyof Point;

export class CursorModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'CursorModel',
      _view_name: 'Cursor',
      x_of: 'timestep',
      y_of: null,
      section: null,
      line: 'line',
      lines: '',
      dot: false,
      line_overhang: 0,
      x_axis: null,
      y_axis: null,
    };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    x_axis: { deserialize: unpack_models },
    y_axis: { deserialize: unpack_models },
  };

  /** How many places an axis has, and the index of its first one in the tensor. */
  extent(axis: Axis, plotArray: PlotArray): { start: number; count: number } {
    if (axis !== 'channel') {
      return { start: 0, count: axis === 'sample' ? plotArray.samples : plotArray.timesteps };
    }
    const [start, stop] = this.selection.tensor.rowRange(this.get('section') as number | null);
    return { start, count: stop - start };
  }
}

/**
 * Shows the selection in a figure, and moves it with pointer and keys: the line through the
 * timestep, the hairlines around the chosen channel, the chips on the axes, the dot on the curve. It
 * has a field for each element that it draws.
 */
export class Cursor extends SelectionMark {
  declare model: CursorModel;

  protected override setup(): void {
    const { el } = this;
    this.drawBeyondPlot(); // chips are on the axes, the line goes on to the next panel
    el.append(this.hit, this.gates, this.band, this.line, ...this.rows, this.dot, this.brush.el);
    el.append(this.xChip.box, this.xChip.text, this.yChip.box, this.yChip.text, this.label);
    followPointer(this.hit, this.selection, {
      pointAt: (event) => this.pointAt(event),
      chooseAt: (event) => this.chooseAt(event),
      isTimed: this.timed,
    });
    if (this.timed) {
      this.brush.attachTo(this.hit);
    }
  }

  override draw(): void {
    const plotArray = this.selection.plotArray;
    if (plotArray === null || !this.hit.isConnected) {
      return;
    }
    const { point, reflect } = this.selection;
    // with the scales, because they learn of a new size a little later than the figure
    const scales = [this.px('x', 0), this.px('x', 1), this.px('y', 0), this.px('y', 1)];
    const where = [
      this.width,
      this.height,
      plotArray.data,
      reflect,
      point.timestep,
      point.channel,
      point.sample,
      ...scales,
    ];
    if (this.drawnAt.changed(where)) {
      setAttributes(this.hit, { width: this.width, height: this.height });
      this.drawColumn(point, plotArray);
      this.drawRow(point, plotArray);
      this.drawGates(plotArray);
    }
    this.drawDot(point, plotArray);
  }

  private drawColumn(point: Point, plotArray: PlotArray): void {
    const axis = this.axis('x_of');
    const [first, last] = this.shown(axis, plotArray);
    const x = Math.round(this.px('x', point[axis]));
    const inside = point[axis] >= first && point[axis] <= last;
    const kind = this.model.get('line') as string;
    const overhang = this.model.get('line_overhang') as number;
    show(this.line, kind === 'line' && inside);
    setAttributes(this.line, { x1: x + 0.5, x2: x + 0.5, y1: 0, y2: this.height + overhang });
    show(this.band, kind === 'band');
    const left = this.px('x', point[axis] - 0.5);
    const width = this.px('x', point[axis] + 0.5) - left;
    setAttributes(this.band, { x: left, width, y: 0, height: this.height });

    const labelled = this.model.get('x_axis') !== null;
    const chip = labelled && inside ? String(point[axis]) : null;
    this.xChip.place(chip, x, this.height + 13, 'middle');
    if (labelled) {
      const gap = this.width / Math.max(last - first, 1);
      // samples are few, so each is labelled where there is room
      const room = axis === 'sample' ? 32 : this.narrow ? 110 : 72;
      const ticks = indexTicks(first, last, this.width, room);
      const kept = withoutChip(ticks, inside ? point[axis] : null, 24 / gap);
      this.setTicks('x_axis', numbered(kept));
      this.label.textContent = this.axisLabel();
      setAttributes(this.label, { x: this.width + 16, y: this.height + 17 });
    }
  }

  /** First and last place of an axis that is on the screen. */
  private shown(axis: Axis, plotArray: PlotArray): readonly [number, number] {
    return this.timed
      ? this.selection.timeRange
      : [0, this.model.extent(axis, plotArray).count - 1];
  }

  private get timed(): boolean {
    return this.axis('x_of') === 'timestep';
  }

  /** Whether it is over lines of norms, which are by lag where they are of a reach. */
  private get isOfNorms(): boolean {
    return ['norm', 'companion'].includes(this.model.get('lines') as string);
  }

  private axisLabel(): string {
    const axis = this.axis('x_of');
    if (this.selection.tensor.reach !== null && this.isOfNorms) {
      return 'k';
    }
    return axis === 'timestep' ? columnAxisName(this.selection, this.narrow) : axis;
  }

  private drawRow(point: Point, plotArray: PlotArray): void {
    const axis = this.model.get('y_of') as Axis | null;
    const extent = axis === null ? null : this.model.extent(axis, plotArray);
    const index = axis === null || extent === null ? -1 : point[axis] - extent.start;
    const inside = extent !== null && index >= 0 && index < extent.count;
    const y = inside ? Math.round(this.px('y', index)) : 0;
    // around the row, never over it: with a little room if it is thin
    const away = Math.max(3.5, Math.round(this.height / Math.max(extent?.count ?? 1, 1) / 2) + 0.5);
    this.rows.forEach((row, i) => {
      const at = y + (i === 0 ? -away : away);
      show(row, inside);
      setAttributes(row, { x1: 0, x2: this.width, y1: at, y2: at });
    });
    const start = axis === 'channel' ? (extent?.start ?? 0) : 0;
    const labels = axis === 'channel' ? this.selection.tensor.rowLabels : [];
    const label = (at: number): string => labels[start + at] ?? String(at);
    this.yChip.place(inside ? label(index) : null, -6, y, 'end');
    if (extent !== null) {
      const parts = Math.max(1, Math.min(4, Math.floor(this.height / 60)));
      const gap = this.height / extent.count;
      const ticks = evenTicks(extent.count, parts);
      const kept = withoutChip(ticks, inside ? index : null, 15 / gap);
      this.setTicks(
        'y_axis',
        kept.map((at) => [at, label(at)]),
      );
    }
  }

  /** Borders between the gates, and their names in the first corner of each. */
  private drawGates(plotArray: PlotArray): void {
    const { tensor } = this.selection;
    const parts: SVGElement[] = [];
    const columns = this.axis('x_of') === 'timestep' ? tensor.gatesAlong('columns') : [];
    columns.forEach((gate, i) => {
      const x = this.px('x', (i * plotArray.timesteps) / columns.length - 0.5);
      parts.push(...border(gate, i, { x1: x, x2: x, y1: 0, y2: this.height }, x + 4, 12));
    });
    const rows = this.model.get('y_of') === 'channel' ? tensor.gatesAlong('rows') : [];
    const halves = this.model.get('section') === null ? tensor.directions.length || 1 : 1;
    const count = rows.length * halves;
    for (let i = 0; i < count; i++) {
      const y = this.px('y', (i * this.model.extent('channel', plotArray).count) / count - 0.5);
      parts.push(
        ...border(rows[i % rows.length], i, { x1: 0, x2: this.width, y1: y, y2: y }, 4, y - 4),
      );
    }
    this.gates.replaceChildren(...parts);
  }

  private drawDot(point: Point, plotArray: PlotArray): void {
    const wanted = this.model.get('dot') as boolean;
    const { sample, timestep, channel } = point;
    const value = wanted
      ? series(plotArray, sample, channel, this.selection.reflect)[timestep]
      : NaN;
    const [first, last] = this.selection.timeRange;
    const inside = timestep >= first && timestep <= last;
    show(this.dot, Number.isFinite(value) && inside);
    if (Number.isFinite(value)) {
      setAttributes(this.dot, { cx: this.px('x', timestep), cy: this.px('y', value) });
    }
  }

  private locate(event: MouseEvent, plotArray: PlotArray): Partial<Point> {
    const { x, y } = pointIn(this.hit, event);
    const found: Partial<Record<Axis, number>> = {};
    const index = (scale: 'x' | 'y', axis: Axis, pixel: number): void => {
      const { start, count } = this.model.extent(axis, plotArray);
      const place = Math.round(this.scale(scale).scale.invert(pixel));
      const [first, last] = scale === 'x' ? this.shown(axis, plotArray) : [0, count - 1];
      found[axis] = start + Math.min(Math.max(place, first), last);
    };
    index('x', this.axis('x_of'), x);
    const vertical = this.model.get('y_of') as Axis | null;
    if (vertical !== null) {
      index('y', vertical, y);
    }
    if (this.model.get('line') === 'band') {
      const at = { x: (s: number) => this.px('x', s), y: (v: number) => this.px('y', v) };
      found.channel = nearestDot(plotArray, found.sample ?? 0, x, y, at);
    }
    const sample = this.lineAt(plotArray, found.timestep ?? 0, y);
    return sample === null ? found : { ...found, sample };
  }

  /** The sample whose line is near a pixel of a timestep; null where there are no lines. */
  private lineAt(plotArray: PlotArray, timestep: number, y: number): number | null {
    const kind = this.model.get('lines') as '' | 'curve' | 'norm' | 'companion';
    if (kind === '' || plotArray.samples === 1) {
      return null;
    }
    const places = Array.from({ length: plotArray.samples }, (_, sample) =>
      kind === 'curve'
        ? [this.px('y', this.curveAt(plotArray, sample, timestep))]
        : this.normsAt(kind === 'norm' ? 'tensor' : 'companion', sample, timestep),
    );
    return nearestLine(places, y);
  }

  private curveAt(plotArray: PlotArray, sample: number, timestep: number): number {
    const { point, reflect } = this.selection;
    const masked = isMasked(plotArray, sample, timestep, point.channel, reflect);
    return masked ? NaN : valueAt(plotArray, sample, timestep, point.channel, reflect);
  }

  /** The pixels of a sample's norms, of each direction; those below the axis lie on its end. */
  private normsAt(which: 'tensor' | 'companion', sample: number, timestep: number): number[] {
    const { [which]: tensor, reflect } = this.selection;
    const array = tensor.plotArray;
    const [low] = this.scale('y').scale.domain();
    const place = (norm: number): number => this.px('y', Math.max(Math.log10(norm), low));
    if (array === null || isTruncation(tensor)) {
      return []; // one line, of the batch
    }
    if (tensor.reach !== null) {
      return [place(lagProfile(alone(array, sample), tensor.reach).values[timestep])];
    }
    if (isMasked(array, sample, timestep, 0, reflect)) {
      return [];
    }
    const middle = tensor.directions.length === 2 ? secondHalf(array) : array.channels;
    return [
      [0, middle],
      [middle, array.channels],
    ]
      .filter(([start, stop]) => start < stop)
      .map(([start, stop]) =>
        place(normOverChannels(array, sample, timestep, reflect, start, stop)),
      );
  }

  private pointAt(event: MouseEvent): void {
    const plotArray = this.selection.plotArray;
    if (plotArray !== null && this.axis('x_of') === 'timestep') {
      const { timestep, ...over } = this.locate(event, plotArray);
      this.selection.hover(timestep ?? null, Object.keys(over).length === 0 ? null : over);
    }
  }

  private chooseAt(event: MouseEvent): void {
    const plotArray = this.selection.plotArray;
    if (plotArray !== null && !this.brush.wasUsed) {
      this.selection.choose(this.locate(event, plotArray));
    }
  }

  private axis(name: 'x_of'): Axis {
    return this.model.get(name) as Axis;
  }

  private px(scale: 'x' | 'y', value: number): number {
    return this.scale(scale).scale(value);
  }

  private readonly drawnAt = new LastKey();
  private readonly hit = plotArea();
  private readonly gates = svg('g', { class: 'rnngrad-gates' });
  private readonly line = svg('line', { class: 'rnngrad-cross' });
  private readonly band = svg('rect', { class: 'rnngrad-band' });
  private readonly brush = new TimeBrush(
    () => ({ left: 0, top: 0, width: this.width, height: this.height }),
    (from, to) => {
      const { invert } = this.scale('x').scale;
      this.selection.brush(invert(from), invert(to));
    },
  );
  private readonly rows = [
    svg('line', { class: 'rnngrad-row' }),
    svg('line', { class: 'rnngrad-row' }),
  ];
  private readonly dot = svg('circle', { class: 'rnngrad-dot', r: 4 });
  private readonly label = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
  private readonly xChip = new Chip();
  private readonly yChip = new Chip();
}
