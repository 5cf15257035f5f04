import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';
import { DOMWidgetModel, DOMWidgetView, unpack_models } from '@jupyter-widgets/base';
import type { ScaleView } from 'bqplot';

import { LastKey } from '../data/memo';
import type { Norm, Table } from '../drawing/colours';
import { entryOf, LOG_DECADES, makeTable } from '../drawing/colours';
import { number } from '../drawing/format';
import { setAttributes, svg } from '../drawing/svg';
import { MODULE_STATE } from '../version';
import type { SelectionModel } from './selection';

const WIDTH = 10;
const LABEL_GAP = 14;

export class ColourBarModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'ColourBarModel',
      _view_name: 'ColourBar',
      selection: null,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
  };
}

/** The colours of the range, vmin at the bottom, with at most five labels; beside the heat map. */
export class ColourBar extends DOMWidgetView {
  override async render(): Promise<void> {
    this.el.classList.add('rnngrad-colourbar');
    this.canvas.className = 'rnngrad-colourbar-colours';
    this.canvas.setAttribute('role', 'img');
    this.el.append(this.canvas, this.labels);
    const scale = this.selection.get('colour_scale') as WidgetModel;
    // the bqplot scale that the raster uses
    this.scale = (await this.create_child_view(scale as never)) as unknown as ScaleView;
    this.listenTo(this.scale, 'color_scale_range_changed', this.draw);
    this.listenTo(this.selection, 'redraw', this.draw);
    // the height is remembered: asking for it on each redraw would make the browser lay out the
    // page
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.el);
    this.listenTo(this.selection, 'layout', this.measure); // for paper the observer comes too late
  }

  override remove(): void {
    this.observer?.disconnect();
    super.remove();
  }

  private measure(): void {
    this.height = this.el.clientHeight;
    this.draw();
  }

  private draw(): void {
    const { height } = this;
    if (this.scale === null || height === 0) {
      return;
    }
    const { norm, logColours } = this.selection;
    const domain = this.scale.scale.domain();
    const range = this.scale.scale.range() as unknown[];
    const key = [
      norm.vmin,
      norm.vmax,
      logColours,
      height,
      domain[0],
      domain[domain.length - 1],
      ...range,
    ];
    if (!this.drawn.changed(key)) {
      return;
    }
    const { scale } = this.scale;
    const table = makeTable((v) => String(scale(v)), domain[0], domain[domain.length - 1]);
    this.canvas.setAttribute('aria-label', this.words);
    // a logarithmic bar runs over the decades that the table spans
    this.paint(logColours ? { vmin: table.min, vmax: table.max } : norm, table, height);
    this.labels.replaceChildren(...(logColours ? this.decades(height) : this.values(norm, height)));
  }

  /** What the colours mean, for screen readers. */
  private get words(): string {
    const { norm, logColours, limit } = this.selection;
    const [low, high] = logColours
      ? [number(limit * 10 ** -LOG_DECADES), `${number(limit)}, by the magnitude, log scale`]
      : [number(norm.vmin, true), number(norm.vmax, true)];
    return `colours from ${low} to ${high}`;
  }

  /** The limit at the top, below it every fourth decade. */
  private decades(height: number): SVGElement[] {
    const { limit } = this.selection;
    return [0, 4, LOG_DECADES].flatMap((decade) =>
      this.tick(number(limit * 10 ** -decade), (height * decade) / LOG_DECADES, height),
    );
  }

  private paint(norm: Norm, table: Table, height: number): void {
    this.canvas.width = 1;
    this.canvas.height = height;
    const image = new ImageData(1, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < height; i++) {
      const value = norm.vmax - ((norm.vmax - norm.vmin) * (i + 0.5)) / height;
      pixels[i] = table.colours[entryOf(value, table, norm)];
    }
    this.canvas.getContext('2d')?.putImageData(image, 0, 0);
  }

  private values(norm: Norm, height: number): SVGElement[] {
    const { vmin, vmax } = norm;
    const y = (v: number): number => height * (1 - (v - vmin) / (vmax - vmin));
    const inside = vmin < 0 && vmax > 0 ? [0] : [];
    // first the ends, then zero, then the halves, each if there is room left
    const wanted = [vmax, vmin, ...inside, vmax / 2, vmin / 2];
    const kept: number[] = [];
    for (const v of wanted) {
      if (v >= vmin && v <= vmax && kept.every((k) => Math.abs(y(k) - y(v)) >= LABEL_GAP)) {
        kept.push(v);
      }
    }
    return kept.flatMap((v) => this.tick(number(v, true), y(v), height));
  }

  private tick(label: string, at: number, height: number): SVGElement[] {
    const text = svg('text', { class: 'rnngrad-label rnngrad-quiet' });
    text.textContent = label;
    setAttributes(text, { x: WIDTH + 8, y: Math.min(Math.max(at + 4, 8), height) });
    const y = Math.min(Math.max(Math.round(at) + 0.5, 0.5), height - 0.5);
    return [svg('line', { class: 'rnngrad-tick', x1: WIDTH, x2: WIDTH + 4, y1: y, y2: y }), text];
  }

  private get selection(): SelectionModel {
    return this.model.get('selection') as SelectionModel;
  }

  private scale: ScaleView | null = null;
  private observer: ResizeObserver | null = null;
  private height = 0;
  private readonly drawn = new LastKey();
  private readonly canvas = document.createElement('canvas');
  private readonly labels = svg('svg', {
    class: 'rnngrad-colourbar-labels',
    'aria-hidden': 'true',
  });
}
