import { LastKey } from '../data/memo';
import { nearestIndex } from '../data/run';
import { Chip } from '../drawing/axis-marks';
import type { Packed } from '../drawing/colours';
import { LOG_DECADES, logPlace, parseColour } from '../drawing/colours';
import { grouped, normOf, number } from '../drawing/format';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { NON_FINITE, theme } from '../drawing/theme';
import type { Tick } from '../drawing/ticks';
import { evenTicks, numbered, roundTicks, withoutChip } from '../drawing/ticks';
import type { SnapshotModel } from '../widgets/snapshot';
import { TimelineMark, TimelineMarkModel } from './timeline-marks';

export class RunMapModel extends TimelineMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'RunMapModel', _view_name: 'RunMap', y_axis: null };
  }
}

/**
 * The gradient as training goes on: log10 of the median norm, by training step and timestep; the
 * halves of a Bidirectional layer apart. Each step is relative to its own largest norm, so that a
 * loss that falls pales nothing, or all are to the largest of the run.
 */
export class RunMap extends TimelineMark {
  declare model: RunMapModel;

  protected override get captionText(): string {
    const { columns, symbol } = this.selection.tensor;
    const of = this.absolute ? 'the run' : 'each step';
    const words = `: median ${normOf(symbol)} by ${columns}, of the largest in ${of}, log scale`;
    return `Gradient over training${this.width < 760 ? '' : words}`;
  }

  private get absolute(): boolean {
    return this.timeline.get('absolute') as boolean;
  }

  private get sections(): 1 | 2 {
    return this.selection.tensor.directions.length === 2 ? 2 : 1;
  }

  private get timesteps(): number {
    return this.selection.plotArray?.timesteps ?? 1;
  }

  protected override readonly lineOverhang = 6;

  protected override setup(): void {
    super.setup();
    this.el.append(this.bar, this.chip.box, this.chip.text, this.label, ...this.names);
    this.hit.addEventListener('pointermove', (event) => this.tell(event));
    this.hit.addEventListener('pointerleave', () => this.tell(null));
  }

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.timeline, 'change:absolute', this.draw);
  }

  protected override fit(): void {
    const { sections, timesteps } = this;
    const ticks = evenTicks(timesteps, 2);
    const kept =
      sections === 1
        ? numbered(ticks)
        : // the last of one half would lie on the first of the other
          [0, timesteps].flatMap((start) =>
            ticks.slice(0, -1).map((t): Tick => [start + t, String(t)]),
          );
    this.fitAxis('y', 'y_axis', { min: -0.5, max: sections * timesteps - 0.5, ticks: kept });
  }

  /** Tell the value under the pointer. */
  private tell(event: PointerEvent | null): void {
    const run = this.timeline.snapshots.filter(({ array }) => array !== null);
    if (event === null || run.length === 0) {
      this.readout.textContent = '';
      return;
    }
    const { x, y } = pointIn(this.hit, event);
    const snapshot = run[nearestIndex(run, this.scale('x').scale.invert(x))];
    const { tensor } = this.selection;
    const { sections, timesteps } = this;
    const last = sections * timesteps - 1;
    const place = Math.min(Math.max(Math.round(this.scale('y').scale.invert(y)), 0), last);
    const { median, largest } = snapshot.norms(tensor.mask, sections);
    const norm = median[place];
    const half = sections === 2 ? `${tensor.directions[Math.floor(place / timesteps)]} ` : '';
    const isTold = norm <= largest && largest > 0 && this.width > 480; // else it meets the caption
    const share = isTold ? `, ${number(norm / largest)} of the step` : '';
    const value = Number.isNaN(norm)
      ? 'masked'
      : `${normOf(tensor.symbol)} ${number(norm)}${share}`;
    const where = `step ${grouped(snapshot.step)} · ${half}${tensor.columns} ${place % timesteps}`;
    this.readout.textContent = `${where} · ${value}`;
    setAttributes(this.readout, { x: this.width });
  }

  protected drawRun(context: CanvasRenderingContext2D, all: readonly SnapshotModel[]): void {
    const run = all.filter(({ array }) => array !== null); // others are on their way
    if (run.length === 0) {
      return;
    }
    const { mask } = this.selection.tensor;
    const { absolute, sections } = this;
    const rows = run.map((snapshot) => snapshot.norms(mask, sections));
    const largest = Math.max(...rows.map((row) => row.largest));
    const count = rows[rows.length - 1].median.length;
    const last = run[run.length - 1];
    // with the scale, because it learns of a new width a little later
    const key = [
      run.length,
      last,
      largest,
      count,
      absolute,
      theme(),
      this.width,
      this.x(last.step),
    ];
    if (this.painted.changed(key)) {
      const limits = rows.map((row) => (absolute ? largest : row.largest));
      this.fill(
        run,
        rows.map((row) => row.median),
        limits,
        count,
      );
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(this.image, 0, 0, this.width, this.height);
    if (sections === 2) {
      this.rule(context, this.height / 2, 0.6);
    }
    this.names.forEach((name, i) => {
      name.textContent = this.selection.tensor.directions[i] ?? '';
      setAttributes(name, { x: 6, y: this.height * (sections === 1 || i === 1 ? 0 : 0.5) + 13 });
      show(name, sections === 2);
    });
  }

  /** A pixel column for each pixel of the axis: the nearest snapshot's. */
  private fill(
    run: readonly SnapshotModel[],
    rows: Float64Array[],
    limits: number[],
    count: number,
  ): void {
    const columns = Math.max(Math.round(this.width), 1);
    this.image.width = columns;
    this.image.height = count;
    const image = new ImageData(columns, count);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = limits.map(normColours());
    const { invert } = this.scale('x').scale;
    let at = 0;
    for (let column = 0; column < columns; column++) {
      const step = invert(((column + 0.5) / columns) * this.width);
      while (
        at + 1 < run.length &&
        Math.abs(run[at + 1].step - step) <= Math.abs(run[at].step - step)
      ) {
        at++;
      }
      for (let t = 0; t < count; t++) {
        pixels[(count - 1 - t) * columns + column] = colours[at](rows[at][t]);
      }
    }
    this.image.getContext('2d')?.putImageData(image, 0, 0);
  }

  protected words(run: readonly SnapshotModel[]): void {
    const { shown } = this.timeline;
    const [first, last] = [run[0].step, run[run.length - 1].step];
    const parts = Math.max(2, Math.floor(this.width / 130));
    const ticks = roundTicks(first, Math.max(last, first + 1), parts, 1);
    const gap = this.width / Math.max(last - first, 1);
    const kept = withoutChip(ticks, shown?.step ?? null, 34 / gap);
    this.setTicks(
      'axis',
      kept.map((v) => [v, grouped(v)]),
    );
    const x = shown === null ? 0 : Math.round(this.x(shown.step));
    const text = shown === null ? null : grouped(shown.step);
    this.chip.place(text, x, this.height + 13, 'middle');
    this.label.textContent = this.narrow ? 'step' : 'training step';
    setAttributes(this.label, { x: this.width + 24, y: this.height + 17 });
    this.drawBar();
  }

  private drawBar(): void {
    const stops = [...theme().sequential].reverse();
    const each = this.height / stops.length;
    const rects = stops.map((fill, i) =>
      svg('rect', {
        x: this.width + 12,
        y: i * each,
        width: 10,
        height: each + 0.5,
        style: `fill: ${fill}`,
      }),
    );
    const labels = ['max', `1e-${LOG_DECADES / 2}`, `1e-${LOG_DECADES}`].map((text, i) => {
      const y = Math.min(Math.max((i / 2) * this.height + 4, 9), this.height);
      const label = svg('text', { class: 'rnngrad-label rnngrad-quiet', x: this.width + 28, y });
      label.textContent = text;
      return label;
    });
    this.bar.replaceChildren(...rects, ...labels);
  }

  private readonly painted = new LastKey();
  private readonly image = document.createElement('canvas');
  private readonly bar = svg('g');
  private readonly chip = new Chip();
  /** Of the halves, forward below backward as in the heat map. */
  private readonly names = [0, 1].map(() => svg('text', { class: 'rnngrad-label rnngrad-on-map' }));
  private readonly label = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
}

/**
 * Make the function that makes, of the largest norm, the one from a norm to its colour; NaN, where
 * all is masked, has one of its own.
 */
function normColours(): (largest: number) => (norm: number) => Packed {
  const table = sequentialTable();
  const [below, nonFinite] = [parseColour(theme().below), parseColour(NON_FINITE)];
  const masked = parseColour(theme().masked.ground);
  return (largest) => (norm) => {
    if (norm === Infinity || Number.isNaN(norm)) {
      return norm === Infinity ? nonFinite : masked;
    }
    const place = logPlace(norm, largest || 1);
    const entry = Math.round((1 + place / LOG_DECADES) * (table.length - 1));
    return place < -LOG_DECADES ? below : table[entry];
  };
}

/** 256 colours from eight decades below the limit to the limit. */
function sequentialTable(): Uint32Array {
  const stops = theme().sequential.map(parseColour);
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (stops.length - 1);
    const k = Math.min(Math.floor(place), stops.length - 2);
    const mix = (shift: number): number => {
      const [a, b] = [(stops[k] >> shift) & 255, (stops[k + 1] >> shift) & 255];
      return Math.round(a + (place - k) * (b - a));
    };
    return ((255 << 24) | (mix(16) << 16) | (mix(8) << 8) | mix(0)) >>> 0;
  });
}
