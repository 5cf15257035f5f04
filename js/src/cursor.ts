import { unpack_models } from '@jupyter-widgets/base';
import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';

import { border, Chip } from './axis-marks';
import { SelectionMark, SelectionMarkModel } from './canvas-mark';
import type { Point } from './selection';
import { nearestDot } from './scatter';
import { series } from './slicing';
import type { Cube } from './slicing';
import { setAttributes, show, svg } from './svg';
import { evenTicks, indexTicks, withoutChip } from './ticks';

type Axis = keyof Point;

export class CursorModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'CursorModel',
      _view_name: 'Cursor',
      x_of: 'timestep',
      y_of: null,
      half: null,
      line: 'line',
      dot: false,
      reach: 0,
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
  extent(axis: Axis, cube: Cube): { start: number; count: number } {
    if (axis !== 'channel') {
      return { start: 0, count: axis === 'sample' ? cube.samples : cube.timesteps };
    }
    const middle = Math.floor(cube.channels / 2);
    const half = this.get('half') as 0 | 1 | null;
    if (half === null) {
      return { start: 0, count: cube.channels };
    }
    return half === 0
      ? { start: 0, count: middle }
      : { start: middle, count: cube.channels - middle };
  }
}

/**
 * Where the selection is in a figure, and how to move it there: the line through the timestep, the
 * hairlines round the chosen channel, the chips on the axes, the dot on the curve; pointer and keys.
 */
export class Cursor extends SelectionMark {
  declare model: CursorModel;

  protected override setup(): void {
    const { el } = this;
    el.removeAttribute('clip-path'); // chips are on the axes, the line goes on to the next panel
    el.append(this.hit, this.gates, this.band, this.line, ...this.rows, this.dot);
    el.append(this.xChip.box, this.xChip.text, this.yChip.box, this.yChip.text, this.label);
    setAttributes(this.hit, { tabindex: 0, role: 'application', 'aria-label': this.help() });
    this.hit.addEventListener('pointermove', (event) => this.pointAt(event));
    this.hit.addEventListener('pointerleave', () => this.leave());
    this.hit.addEventListener('click', (event) => this.chooseAt(event));
    this.hit.addEventListener('keydown', (event) => this.key(event));
  }

  override draw(): void {
    const cube = this.selection.cube;
    if (cube === null || !this.hit.isConnected) {
      return;
    }
    const { point, reflect } = this.selection;
    const where = [this.width, this.height, cube.data, reflect, point.timestep, point.channel, point.sample];
    if (where.some((value, i) => value !== this.drawnAt[i])) {
      this.drawnAt = where;
      setAttributes(this.hit, { width: this.width, height: this.height });
      this.drawColumn(point, cube);
      this.drawRow(point, cube);
      this.drawGates(cube);
    }
    this.drawDot(point, cube);
  }

  private drawColumn(point: Point, cube: Cube): void {
    const axis = this.axis('x_of');
    const extent = this.model.extent(axis, cube);
    const x = Math.round(this.px('x', point[axis]));
    const kind = this.model.get('line') as string;
    const reach = this.model.get('reach') as number;
    show(this.line, kind === 'line');
    setAttributes(this.line, { x1: x + 0.5, x2: x + 0.5, y1: 0, y2: this.height + reach });
    show(this.band, kind === 'band');
    const left = this.px('x', point[axis] - 0.5);
    const width = this.px('x', point[axis] + 0.5) - left;
    setAttributes(this.band, { x: left, width, y: 0, height: this.height });

    const xAxis = this.model.get('x_axis') as WidgetModel | null;
    this.xChip.place(xAxis === null ? null : String(point[axis]), x, this.height + 13, 'middle');
    if (xAxis !== null) {
      const gap = this.width / Math.max(extent.count - 1, 1);
      // samples are few: each is labelled where there is room
      const room = axis === 'sample' ? 32 : this.narrow ? 110 : 72;
      const ticks = indexTicks(extent.count, this.width, room);
      this.setTicks(xAxis, withoutChip(ticks, point[axis], 24 / gap));
      this.label.textContent = this.axisLabel();
      setAttributes(this.label, { x: this.width + 16, y: this.height + 17 });
    }
  }

  private axisLabel(): string {
    const axis = this.axis('x_of');
    if (axis !== 'timestep') {
      return axis;
    }
    const order = this.narrow ? 'processing' : 'processing step';
    return this.selection.reflect ? order : this.selection.tensor.columns;
  }

  private drawRow(point: Point, cube: Cube): void {
    const axis = this.model.get('y_of') as Axis | null;
    const extent = axis === null ? null : this.model.extent(axis, cube);
    const index = axis === null || extent === null ? -1 : point[axis] - extent.start;
    const inside = extent !== null && index >= 0 && index < extent.count;
    const y = inside ? Math.round(this.px('y', index)) : 0;
    // round the row, never over it: a thin row gets a little room, a thick one its own height
    const reach = Math.max(3.5, Math.round(this.height / Math.max(extent?.count ?? 1, 1) / 2) + 0.5);
    this.rows.forEach((row, i) => {
      const at = y + (i === 0 ? -reach : reach);
      show(row, inside);
      setAttributes(row, { x1: 0, x2: this.width, y1: at, y2: at });
    });
    this.yChip.place(inside ? String(index) : null, -6, y, 'end');
    const yAxis = this.model.get('y_axis') as WidgetModel | null;
    if (yAxis !== null && extent !== null) {
      const parts = Math.max(1, Math.min(4, Math.floor(this.height / 60)));
      const gap = this.height / extent.count;
      this.setTicks(yAxis, withoutChip(evenTicks(extent.count, parts), inside ? index : null, 15 / gap));
    }
  }

  /** Borders between the gates, and their names in the first corner of each. */
  private drawGates(cube: Cube): void {
    const { tensor } = this.selection;
    const parts: SVGElement[] = [];
    const columns = this.axis('x_of') === 'timestep' ? tensor.gatesAlong('columns') : [];
    columns.forEach((gate, i) => {
      const x = this.px('x', (i * cube.timesteps) / columns.length - 0.5);
      parts.push(...border(gate, i, { x1: x, x2: x, y1: 0, y2: this.height }, x + 4, 12));
    });
    const rows = this.model.get('y_of') === 'channel' ? tensor.gatesAlong('rows') : [];
    const halves = this.model.get('half') === null ? tensor.directions.length || 1 : 1;
    const count = rows.length * halves;
    for (let i = 0; i < count; i++) {
      const y = this.px('y', (i * this.model.extent('channel', cube).count) / count - 0.5);
      parts.push(...border(rows[i % rows.length], i, { x1: 0, x2: this.width, y1: y, y2: y }, 4, y - 4));
    }
    this.gates.replaceChildren(...parts);
  }

  private drawDot(point: Point, cube: Cube): void {
    const wanted = this.model.get('dot') as boolean;
    const { sample, timestep, channel } = point;
    const value = wanted ? series(cube, sample, channel, this.selection.reflect)[timestep] : NaN;
    show(this.dot, Number.isFinite(value));
    if (Number.isFinite(value)) {
      setAttributes(this.dot, { cx: this.px('x', timestep), cy: this.px('y', value) });
    }
  }

  private setTicks(axis: WidgetModel, ticks: number[]): void {
    const old = axis.get('tick_values') as ArrayLike<number> | null;
    if (old === null || old.length !== ticks.length || ticks.some((tick, i) => tick !== old[i])) {
      axis.set('tick_values', Float64Array.from(ticks));
    }
  }

  private locate(event: MouseEvent, cube: Cube): Partial<Point> {
    const box = this.hit.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const found: Partial<Record<Axis, number>> = {};
    const index = (scale: 'x' | 'y', axis: Axis, pixel: number): void => {
      const { start, count } = this.model.extent(axis, cube);
      const place = Math.round(this.scale(scale).scale.invert(pixel));
      found[axis] = start + Math.min(Math.max(place, 0), count - 1);
    };
    index('x', this.axis('x_of'), x);
    const vertical = this.model.get('y_of') as Axis | null;
    if (vertical !== null) {
      index('y', vertical, y);
    }
    if (this.model.get('line') === 'band') {
      const at = { x: (s: number) => this.px('x', s), y: (v: number) => this.px('y', v) };
      found.channel = nearestDot(cube, found.sample ?? 0, x, y, at);
    }
    return found;
  }

  private pointAt(event: MouseEvent): void {
    const cube = this.selection.cube;
    if (cube !== null && this.axis('x_of') === 'timestep') {
      const { timestep, channel } = this.locate(event, cube);
      this.selection.hover(timestep ?? null, channel ?? null);
    }
  }

  private leave(): void {
    this.selection.hover(null, null);
    this.selection.save_changes(); // the last timestep stays, also after a reload
  }

  private chooseAt(event: MouseEvent): void {
    const cube = this.selection.cube;
    if (cube !== null) {
      this.selection.choose(this.locate(event, cube));
    }
  }

  /** Arrows: step and channel, with Shift ten at a time; brackets: sample. */
  private key(event: KeyboardEvent): void {
    const { sample, timestep, channel } = this.selection.point;
    const by = event.shiftKey ? 10 : 1;
    const moves: Record<string, Partial<Point>> = {
      ArrowLeft: { timestep: timestep - by },
      ArrowRight: { timestep: timestep + by },
      ArrowDown: { channel: channel - by },
      ArrowUp: { channel: channel + by },
      '[': { sample: sample - 1 },
      ']': { sample: sample + 1 },
    };
    const move = moves[event.key];
    if (move !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      event.stopPropagation();
      this.selection.hover(null, null);
      this.selection.choose(move);
    }
  }

  private help(): string {
    return (
      'plot: left and right arrows move the timestep, up and down the channel, ' +
      'with Shift by ten; square brackets the sample'
    );
  }

  private axis(name: 'x_of'): Axis {
    return this.model.get(name) as Axis;
  }

  private px(scale: 'x' | 'y', value: number): number {
    return this.scale(scale).scale(value);
  }

  private drawnAt: unknown[] = [];
  private readonly hit = svg('rect', { class: 'rnngrad-hit', fill: 'transparent' });
  private readonly gates = svg('g', { class: 'rnngrad-gates' });
  private readonly line = svg('line', { class: 'rnngrad-cross' });
  private readonly band = svg('rect', { class: 'rnngrad-band' });
  private readonly rows = [
    svg('line', { class: 'rnngrad-row' }),
    svg('line', { class: 'rnngrad-row' }),
  ];
  private readonly dot = svg('circle', { class: 'rnngrad-dot', r: 4 });
  private readonly label = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
  private readonly xChip = new Chip();
  private readonly yChip = new Chip();
}
