import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import type { Bins, Tally } from '../data/distribution';
import {
  equalBins,
  equalEdges,
  finiteRange,
  octaves,
  shownOctaves,
  wholeBlock,
} from '../data/distribution';
import { Memo } from '../data/memo';
import type { PlotArray } from '../data/slicing';
import { border } from '../drawing/axis-marks';
import { drawBars } from '../drawing/bars';
import { countRange } from '../drawing/count-axis';
import { number } from '../drawing/format';
import type { MarginLine } from '../drawing/shares';
import { emptyReason, shares, textColumn } from '../drawing/shares';
import { setAttributes, svg } from '../drawing/svg';
import { theme } from '../drawing/theme';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

const BINS = 40;

/**
 * The values of each gate, between the same edges; no bins where no value is finite and not zero.
 */
interface GateCounts {
  readonly tally: Tally;
  readonly edges: Float64Array;
  readonly gates: Bins[];
}

export class GateHistogramsModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'GateHistogramsModel',
      _view_name: 'GateHistograms',
      section: null,
      count_axis: null,
    };
  }

  static override serializers: ISerializers = {
    ...SelectionMarkModel.serializers,
    count_axis: { deserialize: unpack_models },
  };

  /** Names of the gates that divide the columns; one without a name where none do. */
  get gates(): string[] {
    const gates = this.selection.tensor.gatesAlong('columns');
    return gates.length > 0 ? gates : [''];
  }

  get counted(): GateCounts | null {
    const { plotArray, tensor } = this.selection;
    if (plotArray === null) {
      return null;
    }
    const rows = tensor.rowRange(this.get('section') as number | null);
    const count = this.gates.length;
    return this.memo.get([plotArray.data, count, ...rows], () =>
      countGates(plotArray, rows, count),
    );
  }

  /** JupyterLab may keep a closed model alive: let at least its memory go. */
  override close(comm_closed?: boolean): Promise<void> {
    this.memo.clear();
    return super.close(comm_closed);
  }

  private readonly memo = new Memo<GateCounts>();
}

function countGates(
  plotArray: PlotArray,
  channels: readonly [number, number],
  count: number,
): GateCounts {
  const all = { ...wholeBlock(plotArray), channels };
  const tally = octaves(plotArray, [all], null);
  const range = shownOctaves(tally) === null ? null : finiteRange(plotArray, [all], null, tally);
  if (range === null) {
    return { tally, edges: new Float64Array(0), gates: [] };
  }
  const edges = equalEdges(range, BINS);
  const size = plotArray.timesteps / count;
  const gates = Array.from({ length: count }, (_, i) =>
    equalBins(plotArray, [{ ...all, timesteps: [i * size, (i + 1) * size] }], null, edges),
  );
  return { tally, edges, gates };
}

/**
 * A small histogram for each gate of a weight, in the columns that the gate has in the map above.
 */
export class GateHistograms extends CanvasMark {
  declare model: GateHistogramsModel;

  protected override setup(): void {
    this.drawBeyondPlot(); // the range is told in the margin
    this.el.append(this.frame, this.gates, this.words, this.margin);
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const { counted } = this.model;
    setAttributes(this.frame, { width: this.width, height: this.height });
    if (counted === null) {
      return;
    }
    const { edges, gates, tally } = counted;
    const most = Math.max(1, ...gates.map(({ counts }) => Math.max(...counts)));
    this.fitAxis('y', 'count_axis', countRange(most, false, 2));
    const y = this.scale('y').scale;
    gates.forEach(({ counts }, i) => {
      const place = this.placeIn(i, edges);
      drawBars(context, edges.map(place), (bin) => y(counts[bin]), this.height);
      this.drawZero(context, place, edges);
    });
    this.placeWords(tally, edges);
    this.nameGates();
  }

  /** Where a value is within the columns of a gate. */
  private placeIn(gate: number, edges: Float64Array): (value: number) => number {
    const [left, right] = [this.left(gate), this.left(gate + 1)];
    const [least, most] = [edges[0], edges[edges.length - 1]];
    return (value) => left + ((value - least) / (most - least)) * (right - left);
  }

  private left(gate: number): number {
    const columns = this.selection.plotArray?.timesteps ?? 1;
    return this.scale('x').scale((gate * columns) / this.model.gates.length - 0.5);
  }

  private drawZero(
    context: CanvasRenderingContext2D,
    place: (value: number) => number,
    edges: Float64Array,
  ): void {
    if (edges[0] < 0 && edges[edges.length - 1] > 0) {
      context.fillStyle = theme().ink;
      context.globalAlpha = 0.22;
      context.fillRect(Math.round(place(0)), 0, 1, this.height);
      context.globalAlpha = 1;
    }
  }

  private placeWords(tally: Tally, edges: Float64Array): void {
    const empty = edges.length === 0;
    this.words.textContent = empty ? emptyReason(tally) : '';
    setAttributes(this.words, { x: 9, y: 31 });
    const [least, most] = [edges[0], edges[edges.length - 1]];
    const range: MarginLine[] = [
      { text: `${number(least, true)} …`, kind: 'quiet' },
      { text: number(most, true), kind: 'quiet', second: true },
    ];
    const counts = shares(tally, this.narrow, false);
    const lines = [...(empty ? [] : range), ...counts];
    this.margin.replaceChildren(...textColumn(lines, this.width + 8));
  }

  private nameGates(): void {
    const line = (gate: number): Record<string, number> => {
      const x = this.left(gate);
      return { x1: x, x2: x, y1: 0, y2: this.height };
    };
    const marks = this.model.gates.flatMap((name, i) =>
      border(name, i, line(i), this.left(i) + 4, 12),
    );
    this.gates.replaceChildren(...marks);
  }

  private readonly frame = svg('rect', { class: 'rnngrad-frame' });
  private readonly gates = svg('g', { class: 'rnngrad-gates' });
  private readonly words = svg('text', { class: 'rnngrad-empty rnngrad-label rnngrad-quiet' });
  private readonly margin = svg('g', { class: 'rnngrad-shares' });
}
