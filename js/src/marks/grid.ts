import { LastKey, Memo } from '../data/memo';
import { sectionOf } from '../data/sections';
import type { PlotArray, Point, Span } from '../data/slicing';
import { channelMaximum, largestMagnitude, rowsOfSample, series } from '../data/slicing';
import { tick } from '../drawing/format';
import { pixelsOf } from '../drawing/linear';
import type { Panel } from '../drawing/panels';
import { layOut, pageOf, panelAt } from '../drawing/panels';
import { polyline } from '../drawing/polyline';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { sampleColour, theme } from '../drawing/theme';
import { evenTicks, indexTicks, outerTick, roundTicks } from '../drawing/ticks';
import { KEYS, KEYS_HELP, PLOT_KEYS, pressKey } from '../widgets/keys';
import { SelectionMarkModel } from './canvas-mark';
import { ColourMark } from './raster';

export class GridModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), rows: null, page: 0 };
  }
}

export class MapsModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'MapsModel', _view_name: 'Maps' };
  }
}

export class CurveGridModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    const names = { _model_name: 'CurveGridModel', _view_name: 'CurveGrid' };
    return { ...super.defaults(), ...names, free: 0 };
  }
}

/**
 * Small panels of one figure, page by page, with the same time axis. The chosen one has a strong
 * frame. All are on one canvas: a figure for each would take a second to build.
 */
abstract class Grid extends ColourMark {
  declare model: GridModel;

  /** Panels of a page. Python knows the same number as `PER_PAGE`. */
  protected abstract readonly perPage: number;
  /** What there is a panel for. */
  protected abstract readonly axis: 'sample' | 'channel';

  protected abstract paintPanels(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    panels: Panel[],
  ): void;
  protected abstract label(plotArray: PlotArray, panel: Panel): SVGElement[];
  protected abstract name(index: number): string;
  /** What a pixel of a panel points at, besides the timestep. */
  protected abstract locate(plotArray: PlotArray, panel: Panel, y: number): Partial<Point>;

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.selection, `change:${this.axis}`, this.turnToChosen);
  }

  protected override setup(): void {
    this.turnToChosen();
    this.drawBeyondPlot(); // tick labels are in the margins
    this.el.append(this.hit, this.words, this.line, this.frame);
    setAttributes(this.hit, {
      tabindex: 0,
      role: 'application',
      'aria-label': KEYS_HELP,
      [KEYS]: PLOT_KEYS,
    });
    this.hit.addEventListener('pointermove', (event) => this.pointAt(event));
    this.hit.addEventListener('pointerleave', () => this.leave());
    this.hit.addEventListener('click', (event) => this.chooseAt(event));
    this.hit.addEventListener('dblclick', () => this.selection.zoom(null));
    this.hit.addEventListener('keydown', (event) => pressKey(this.selection, event));
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const plotArray = this.selection.plotArray;
    if (plotArray === null || !this.hit.isConnected) {
      return;
    }
    this.panels = this.place(plotArray);
    this.paintPanels(context, plotArray, this.panels);
    this.drawFrames(plotArray);
    this.drawWords(plotArray);
  }

  /**
   * Turn to the page of what is chosen. Only when that changes, so that other pages can be seen.
   */
  private turnToChosen(): void {
    this.model.set('page', pageOf(this.selection.point[this.axis], this.perPage));
  }

  protected get page(): number {
    const pages = Math.ceil(this.count(this.selection.plotArray as PlotArray) / this.perPage);
    return Math.min(this.model.get('page') as number, pages - 1);
  }

  protected count(plotArray: PlotArray): number {
    return this.axis === 'sample' ? plotArray.samples : plotArray.channels;
  }

  private place(plotArray: PlotArray): Panel[] {
    const first = this.page * this.perPage;
    const count = Math.min(this.perPage, this.count(plotArray) - first);
    return layOut(first, count, this.width, this.height, this.model.get('rows') as number | null);
  }

  protected get span(): Span {
    const [first, last] = this.selection.timeRange;
    return [first, last + 1];
  }

  /** The pixel at the middle of a timestep. */
  protected x(panel: Panel, timestep: number): number {
    const [first, end] = this.span;
    return panel.left + ((timestep + 0.5 - first) / (end - first)) * panel.width;
  }

  private drawFrames(plotArray: PlotArray): void {
    const { point } = this.selection;
    setAttributes(this.hit, { width: this.width, height: this.height });
    const [first, end] = this.span;
    // before anybody pointed there would be a line over the last timestep, which may be as thin as
    // it
    const pointed = this.selection.get('timestep') !== null;
    const inside = pointed && point.timestep >= first && point.timestep < end;
    const lines = this.panels.map((panel) => {
      const x = Math.round(this.x(panel, point.timestep)) + 0.5;
      return `M${x} ${panel.top}v${panel.height}`;
    });
    this.line.setAttribute('d', inside ? lines.join('') : '');
    const chosen = this.panels.find(({ index }) => index === point[this.axis]);
    show(this.frame, chosen !== undefined && this.count(plotArray) > 1);
    if (chosen !== undefined) {
      const { left, top, width, height } = chosen;
      setAttributes(this.frame, { x: left, y: top, width, height });
    }
  }

  /** Names, frames and ticks: rebuilt only when they change. */
  private drawWords(plotArray: PlotArray): void {
    const chosen = this.selection.point[this.axis];
    const key = [
      plotArray.data,
      this.page,
      this.width,
      this.height,
      chosen,
      ...this.span,
      ...this.wordsKey(),
    ];
    if (!this.written.changed(key)) {
      return;
    }
    const parts = this.panels.flatMap((panel) => {
      const { left, top, width, height, index } = panel;
      const frame = svg('rect', { class: 'rnngrad-panel-frame', x: left, y: top, width, height });
      const strong = index === chosen && this.count(plotArray) > 1;
      const name = this.text(this.name(index), left + 1, top - 4, strong ? 'strong' : 'quiet');
      return [frame, name, ...this.timeTicks(panel), ...this.label(plotArray, panel)];
    });
    const { tensor, reflect } = this.selection;
    const order = this.narrow ? 'processing' : 'processing step';
    const axis = this.text(reflect ? order : tensor.columns, this.width + 8, this.height - 4);
    this.words.replaceChildren(...parts, axis);
  }

  protected wordsKey(): unknown[] {
    return [this.selection.reflect];
  }

  private timeTicks(panel: Panel): SVGElement[] {
    if (!panel.lowest) {
      return [];
    }
    const [first, end] = this.span;
    const ticks = indexTicks(first, end - 1, panel.width, 70);
    // the first and the last end with the panel, because the next panel's ticks are close
    return ticks.map((t) => {
      const [x, anchor] =
        t === first
          ? [panel.left, 'start']
          : t === end - 1
            ? [panel.left + panel.width, 'end']
            : [this.x(panel, t), 'middle'];
      const label = this.text(String(t), x as number, panel.top + panel.height + 14);
      label.setAttribute('text-anchor', anchor as string);
      return label;
    });
  }

  protected text(
    text: string,
    x: number,
    y: number,
    weight: 'strong' | 'quiet' = 'quiet',
  ): SVGElement {
    const label = svg('text', { class: `rnngrad-label rnngrad-${weight}`, x, y });
    label.textContent = text;
    return label;
  }

  private at(event: MouseEvent): Partial<Point> | null {
    const plotArray = this.selection.plotArray;
    const { x, y } = pointIn(this.hit, event);
    const panel = panelAt(this.panels, x, y);
    if (plotArray === null || panel === null) {
      return null;
    }
    const [first, end] = this.span;
    const place = Math.floor(first + ((x - panel.left) / panel.width) * (end - first));
    const timestep = Math.min(Math.max(place, first), end - 1);
    return { timestep, [this.axis]: panel.index, ...this.locate(plotArray, panel, y) };
  }

  private pointAt(event: MouseEvent): void {
    const found = this.at(event);
    const { timestep, ...over } = found ?? {};
    this.selection.hover(timestep ?? null, found === null ? null : over);
  }

  private leave(): void {
    this.selection.hover(null, null);
    this.selection.save_changes(); // the last timestep stays, also after a reload
  }

  private chooseAt(event: MouseEvent): void {
    const found = this.at(event);
    if (found !== null) {
      this.selection.choose(found);
    }
  }

  private panels: Panel[] = [];
  private readonly written = new LastKey();
  private readonly hit = svg('rect', { class: 'rnngrad-hit rnngrad-grid', fill: 'transparent' });
  private readonly words = svg('g', { class: 'rnngrad-grid-words' });
  private readonly line = svg('path', { class: 'rnngrad-cross' });
  private readonly frame = svg('rect', { class: 'rnngrad-panel-chosen' });
}

/** A heat map for each sample, in the colours of one range. */
export class Maps extends Grid {
  protected readonly perPage = 64;
  protected readonly axis = 'sample';

  protected paintPanels(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    panels: Panel[],
  ): void {
    const { reflect, tensor } = this.selection;
    const lines = tensor.sections.slice(1).map(({ start }) => start / plotArray.channels);
    for (const panel of panels) {
      const rows = rowsOfSample(plotArray, panel.index, 0, plotArray.channels, reflect);
      this.drawCells(context, plotArray, rows, this.span, panel);
      context.fillStyle = theme().ink;
      context.globalAlpha = 0.35;
      for (const share of lines) {
        context.fillRect(
          panel.left,
          Math.round(panel.top + panel.height * (1 - share)),
          panel.width,
          1,
        );
      }
      context.globalAlpha = 1;
    }
  }

  protected name(index: number): string {
    if (this.selection.plotArray?.samples === 1) {
      return '';
    }
    return index === this.selection.point.sample ? `sample ${index}` : String(index);
  }

  protected label(plotArray: PlotArray, panel: Panel): SVGElement[] {
    if (!panel.first) {
      return [];
    }
    const parts = Math.min(Math.max(Math.floor(panel.height / 90), 1), 4);
    const ticks = panel.height < 30 ? [] : evenTicks(plotArray.channels, parts);
    return ticks.map((channel) => {
      const y = panel.top + panel.height * (1 - (channel + 0.5) / plotArray.channels) + 4;
      const label = this.text(String(channel), panel.left - 6, Math.max(y, panel.top + 9));
      label.setAttribute('text-anchor', 'end');
      return label;
    });
  }

  protected locate(plotArray: PlotArray, panel: Panel, y: number): Partial<Point> {
    const row = Math.floor((1 - (y - panel.top) / panel.height) * plotArray.channels);
    return { channel: Math.min(Math.max(row, 0), plotArray.channels - 1) };
  }
}

/** The curves of a channel in every sample, a panel for each channel, a colour for each sample. */
export class CurveGrid extends Grid {
  protected readonly perPage = 24;
  protected readonly axis = 'channel';

  protected paintPanels(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    panels: Panel[],
  ): void {
    const { reflect, point } = this.selection;
    const key = [plotArray.data, this.page, reflect, this.free, this.selection.ylim, ...this.span];
    this.paintCached(context, key, (cached) => {
      for (const panel of panels) {
        this.inside(cached, panel, () => {
          cached.fillStyle = theme().ink;
          cached.globalAlpha = 0.22;
          cached.fillRect(panel.left, Math.round(this.y(plotArray, panel, 0)), panel.width, 1);
          cached.globalAlpha = plotArray.samples > 1 ? 0.75 : 1;
          cached.lineWidth = 1;
          for (let s = 0; s < plotArray.samples; s++) {
            cached.strokeStyle = sampleColour(s);
            this.trace(cached, plotArray, panel, s);
          }
          cached.globalAlpha = 1;
        });
      }
    });
    context.strokeStyle = theme().ink;
    context.lineWidth = 1.5;
    if (plotArray.samples > 1) {
      panels.forEach((panel) =>
        this.inside(context, panel, () => this.trace(context, plotArray, panel, point.sample)),
      );
    }
  }

  private inside(context: CanvasRenderingContext2D, panel: Panel, draw: () => void): void {
    context.save();
    context.beginPath();
    context.rect(panel.left, panel.top, panel.width, panel.height);
    context.clip();
    draw();
    context.restore();
  }

  private trace(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    panel: Panel,
    sample: number,
  ): void {
    const values = series(plotArray, sample, panel.index, this.selection.reflect);
    const { top, height } = panel;
    const ys = pixelsOf(values, this.limits(plotArray, panel.index), [top + height, top]);
    polyline(context, this.x(panel, 0), this.x(panel, 1) - this.x(panel, 0), ys);
  }

  private y(plotArray: PlotArray, panel: Panel, value: number): number {
    const [low, high] = this.limits(plotArray, panel.index);
    return panel.top + ((high - value) / (high - low)) * panel.height;
  }

  /** Ends of a panel's value axis, which all panels share unless each has its own. */
  private limits(plotArray: PlotArray, channel: number): readonly [number, number] {
    const { ylim } = this.selection;
    if (ylim !== null) {
      return ylim;
    }
    const limit = this.free
      ? this.maximumOf(plotArray, channel)
      : this.largest.get([plotArray.data], () => largestMagnitude(plotArray.data));
    const wide = 1.15 * (limit || 1);
    return [-wide, wide];
  }

  private maximumOf(plotArray: PlotArray, channel: number): number {
    const maxima = this.maxima.get([plotArray.data], () => new Map<number, number>());
    const maximum = maxima.get(channel) ?? channelMaximum(plotArray, channel);
    maxima.set(channel, maximum);
    return maximum;
  }

  private get free(): boolean {
    return (this.model.get('free') as number) === 1;
  }

  protected name(index: number): string {
    const { sections, rows } = this.selection.tensor;
    const section = sectionOf(sections, index);
    if (section !== null) {
      const { name, start } = sections[section];
      return `${name} ${index - start}`;
    }
    // channels are what is expected: only the chosen one is called so
    const isChosen = index === this.selection.point.channel;
    return rows === 'channel' && !isChosen ? String(index) : `${rows} ${index}`;
  }

  protected override wordsKey(): unknown[] {
    return [...super.wordsKey(), this.free, this.selection.ylim];
  }

  protected label(plotArray: PlotArray, panel: Panel): SVGElement[] {
    const [low, high] = this.limits(plotArray, panel.index);
    const chosen = this.selection.ylim !== null;
    const outer = outerTick(high / 1.15);
    if (this.free && !chosen) {
      const text = this.text(`±${tick(outer)}`, panel.left + panel.width - 2, panel.top - 4);
      text.setAttribute('text-anchor', 'end');
      return [text];
    }
    if (!panel.first) {
      return [];
    }
    return (chosen ? roundTicks(low, high, panel.height < 120 ? 2 : 4) : [-outer, 0, outer])
      .filter((v) => v === 0 || panel.height >= 44)
      .map((v) => {
        const label = this.text(tick(v), panel.left - 6, this.y(plotArray, panel, v) + 4);
        label.setAttribute('text-anchor', 'end');
        return label;
      });
  }

  protected locate(): Partial<Point> {
    return {};
  }

  private readonly largest = new Memo<number>();
  private readonly maxima = new Memo<Map<number, number>>();
}
