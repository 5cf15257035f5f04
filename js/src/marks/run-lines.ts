import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, unpack_models } from '@jupyter-widgets/base';

import type { Groups, Kind, Line } from '../data/compared';
import { linesOf } from '../data/compared';
import { LastKey, Memo } from '../data/memo';
import { flowAxis } from '../drawing/flow-axis';
import { number } from '../drawing/format';
import { spaceLabels } from '../drawing/label-spacing';
import { cutInTheMiddle } from '../drawing/line-names';
import { dashOf } from '../drawing/line-style';
import { polyline } from '../drawing/polyline';
import { setAttributes, svg } from '../drawing/svg';
import { sampleColour, sampleTextColour } from '../drawing/theme';
import { MODULE_STATE } from '../version';
import { TextLine } from '../widgets/readout';
import type { RunStackModel } from '../widgets/run-stack';
import type { Segment } from '../widgets/text';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

/** Characters of a name in the readout. */
const MOST_IN_READOUT = 24;
/** Conditions whose values are told. */
const MOST_VALUES = 4;
/** Characters of a name that fit beside the plot. */
const ROOM = { wide: 17, narrow: 9 };

export class RunLinesModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'RunLinesModel',
      _view_name: 'RunLines',
      stack: null,
      axis: null,
      names: [],
      groups: [],
      base: 0,
      ratio: false,
      absolute: 0,
    };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    axis: { deserialize: unpack_models },
    stack: { deserialize: unpack_models },
  };

  get runs(): RunStackModel {
    return this.get('stack') as RunStackModel;
  }

  get groups(): Groups {
    return {
      names: this.get('names') as string[],
      of: this.get('groups') as number[],
      base: this.get('base') as number,
    };
  }

  get kind(): Kind {
    if (this.get('ratio') as boolean) {
      return 'ratio';
    }
    return this.get('absolute') === 1 ? 'absolute' : 'relative';
  }

  /** Computed when the norms or their kind have changed. */
  get lines(): Line[] {
    const { page, stack } = this.runs;
    const key = [stack, page, this.kind, this.get('groups'), this.get('base')];
    return this.memo.get(key, () => linesOf(stack, this.groups, this.kind, page));
  }

  private readonly memo = new Memo<Line[]>();
}

/**
 * The gradient of runs that are compared, by lag: for each condition the median and the quartiles
 * over samples, and a thin line for each repeat; or their ratios to the base.
 */
export class RunLines extends CanvasMark {
  declare model: RunLinesModel;

  protected override setup(): void {
    this.drawBeyondPlot(); // the names are in the margin
    this.el.append(this.labels);
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const { lines } = this.model;
    this.fitScale(lines);
    const { timeRange } = this.selection;
    const drawn = [lines, ...timeRange, ...this.scale('y').scale.domain()];
    this.paintCached(context, drawn, (cached) => {
      if (this.model.kind !== 'absolute') {
        this.rule(cached, this.y(1), 0.35);
      }
      lines.forEach((line) => this.drawBand(cached, line));
      lines.forEach((line) => this.drawLines(cached, line));
    });
    this.placeNames(lines);
  }

  private fitScale(lines: Line[]): void {
    const all = lines.flatMap(({ lower, median, upper, repeats }) => [
      lower,
      median,
      upper,
      ...repeats,
    ]);
    const counted = all.flatMap((line) => [...line].filter((v) => v > 0 && Number.isFinite(v)));
    const isRatio = this.model.kind === 'ratio';
    const largest = counted.reduce((a, b) => Math.max(a, b), isRatio ? 1 : 0);
    const smallest = counted.reduce((a, b) => Math.min(a, b), isRatio ? 1 : Infinity);
    const most = this.height > 200 ? 6 : 3;
    if (this.fittedFor.changed([largest, smallest, most])) {
      this.fitAxis('y', 'axis', flowAxis(largest, smallest, this.selection.threshold, most));
    }
  }

  private drawBand(context: CanvasRenderingContext2D, { group, lower, upper }: Line): void {
    context.fillStyle = sampleColour(group);
    context.globalAlpha = 0.13;
    for (const [start, stop] of finiteRuns(lower)) {
      context.beginPath();
      for (let t = start; t < stop; t++) {
        context.lineTo(this.x(t), this.y(upper[t]));
      }
      for (let t = stop - 1; t >= start; t--) {
        context.lineTo(this.x(t), this.y(lower[t]));
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  private drawLines(context: CanvasRenderingContext2D, { group, median, repeats }: Line): void {
    context.strokeStyle = sampleColour(group);
    context.lineJoin = 'round';
    context.lineWidth = 1;
    context.globalAlpha = 0.6;
    repeats.forEach((line) => this.trace(context, line));
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.setLineDash(dashOf(group) as number[]);
    this.trace(context, median);
    context.setLineDash([]);
  }

  private trace(context: CanvasRenderingContext2D, line: Float64Array): void {
    polyline(
      context,
      this.x(0),
      this.x(1) - this.x(0),
      line.map((value) => this.y(value)),
    );
  }

  private placeNames(lines: Line[]): void {
    const { names } = this.model.groups;
    const most = this.narrow ? ROOM.narrow : ROOM.wide;
    const places = lines.map(({ median }) => {
      const last = median.filter(Number.isFinite).at(-1) ?? NaN;
      return (Number.isFinite(last) ? this.y(last) : this.height / 2) + 4;
    });
    this.labels.replaceChildren(
      ...spaceLabels(places, 9, this.height - 1).map((y, i) => {
        const label = svg('text', { class: 'rnngrad-label rnngrad-strong' });
        const name = names[lines[i].group];
        label.textContent = cutInTheMiddle(name, most);
        label.setAttribute('style', `fill: ${sampleTextColour(lines[i].group)}`);
        const title = svg('title');
        title.textContent = name;
        label.append(title);
        setAttributes(label, { x: this.width + 8, y });
        return label;
      }),
    );
  }

  private x(place: number): number {
    return this.scale('x').scale(place);
  }

  /** Pixel of a value. What lies below the axis, zero too, is drawn on its lower end. */
  private y(value: number): number {
    const { scale } = this.scale('y');
    return scale(Math.max(Math.log10(value), scale.domain()[0]));
  }

  private readonly fittedFor = new LastKey();
  private readonly labels = svg('g');
}

/** The ranges [start, stop) in which a line has values. */
function finiteRuns(line: Float64Array): [number, number][] {
  const found: [number, number][] = [];
  line.forEach((value, t) => {
    if (Number.isFinite(value)) {
      const last = found.at(-1);
      if (last !== undefined && last[1] === t) {
        last[1] = t + 1;
      } else {
        found.push([t, t + 1]);
      }
    }
  });
  return found;
}

/** Of more conditions than there is room for, the lowest one and the highest one. */
function ends(lines: readonly Line[], place: number): readonly Line[] {
  if (lines.length <= MOST_VALUES) {
    return lines;
  }
  const rising = [...lines].sort((a, b) => a.median[place] - b.median[place]);
  return [rising[0], rising[rising.length - 1]];
}

export class RunReadoutModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'RunReadoutModel',
      _view_name: 'RunReadout',
      lines: null,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    lines: { deserialize: unpack_models },
  };
}

/** The value of each condition at the lag that is pointed at. */
export class RunReadout extends TextLine {
  override render(): void {
    const lines = this.model.get('lines') as RunLinesModel;
    const { selection } = lines;
    this.el.classList.add('jupyter-widgets', 'rnngrad-readout', 'rnngrad-run-hover');
    const write = (): void => {
      const { names } = lines.groups;
      const lag = selection.point.timestep;
      const known = lines.lines.filter(({ median }) => Number.isFinite(median[lag]));
      const values = ends(known, lag).map(({ group, median }): Segment[] => [
        { text: ` · ${cutInTheMiddle(names[group], MOST_IN_READOUT)} `, weight: 'quiet' },
        { text: number(median[lag]), weight: 'strong' },
      ]);
      this.write([{ text: `${lines.runs.align} ${lag}` }, ...values.flat()]);
    };
    this.listenTo(selection, 'redraw', write);
    this.listenTo(lines, 'change', write);
    write();
  }
}
