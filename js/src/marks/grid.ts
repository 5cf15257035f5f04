import { LastKey } from '../data/memo';
import type { PlotArray, Point, Span } from '../data/slicing';
import type { Panel } from '../drawing/panels';
import { layOut, pageOf, panelAt } from '../drawing/panels';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';
import { indexTicks } from '../drawing/ticks';
import { SelectionMarkModel } from './canvas-mark';
import { columnAxisName, followPointer, plotArea } from './plot-area';
import { ColourMark } from './raster';
import { TimeBrush } from './time-brush';

export class GridModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), rows: null, page: 1 };
  }
}

/**
 * Small panels of one figure, page by page, with the same time axis. The chosen one has a strong
 * frame. All are on one canvas: a figure for each would take a second to build.
 */
export abstract class Grid extends ColourMark {
  declare model: GridModel;

  /** Panels of a page. Python knows the same number as `PER_PAGE`. */
  protected abstract readonly perPage: number;
  /** The event of the selection after which another panel may be chosen. */
  protected abstract get chosenEvent(): string;
  /** Index of the panel that is chosen. */
  protected abstract get chosen(): number;
  protected abstract count(plotArray: PlotArray): number;
  /** What a panel stands for. */
  protected abstract pointOf(index: number): Partial<Point>;

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
    this.listenTo(this.selection, this.chosenEvent, this.showChosenPage);
  }

  protected override setup(): void {
    this.showChosenPage();
    this.drawBeyondPlot(); // tick labels are in the margins
    this.el.append(this.hit, this.words, this.line, this.frame, this.brush.el);
    followPointer(this.hit, this.selection, {
      pointAt: (event) => this.pointAt(event),
      chooseAt: (event) => this.chooseAt(event),
      isTimed: true,
    });
    this.brush.attachTo(this.hit);
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
   * Show the page of what is chosen. Only when that changes, so that other pages can be seen.
   */
  private showChosenPage(): void {
    this.model.set('page', pageOf(this.chosen, this.perPage));
  }

  protected get page(): number {
    const pages = Math.ceil(this.count(this.selection.plotArray as PlotArray) / this.perPage);
    return Math.min(this.model.get('page') as number, pages);
  }

  private place(plotArray: PlotArray): Panel[] {
    const first = (this.page - 1) * this.perPage;
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
    const chosen = this.panels.find(({ index }) => index === this.chosen);
    show(this.frame, chosen !== undefined && this.count(plotArray) > 1);
    if (chosen !== undefined) {
      const { left, top, width, height } = chosen;
      setAttributes(this.frame, { x: left, y: top, width, height });
    }
  }

  /** Names, frames and ticks: rebuilt only when they change. */
  private drawWords(plotArray: PlotArray): void {
    const { chosen } = this;
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
    const name = columnAxisName(this.selection, this.narrow);
    this.words.replaceChildren(...parts, this.text(name, this.width + 8, this.height - 4));
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
    const panel = this.panelUnder(event);
    if (plotArray === null || panel === null) {
      return null;
    }
    const [first, end] = this.span;
    const place = Math.floor(first + ((x - panel.left) / panel.width) * (end - first));
    const timestep = Math.min(Math.max(place, first), end - 1);
    return { timestep, ...this.pointOf(panel.index), ...this.locate(plotArray, panel, y) };
  }

  private pointAt(event: MouseEvent): void {
    const found = this.at(event);
    const { timestep, ...over } = found ?? {};
    this.selection.hover(timestep ?? null, found === null ? null : over);
  }

  protected chooseAt(event: MouseEvent): void {
    const found = this.at(event);
    if (found !== null && !this.brush.wasUsed) {
      this.selection.choose(found);
    }
  }

  /** The panel under the pointer. */
  protected panelUnder(event: MouseEvent): Panel | null {
    const { x, y } = pointIn(this.hit, event);
    return panelAt(this.panels, x, y);
  }

  private readonly brush = new TimeBrush(
    (x, y) => panelAt(this.panels, x, y),
    (from, to, { left, width }) => {
      const [first, end] = this.span;
      const at = (x: number): number => first - 0.5 + ((x - left) / width) * (end - first);
      this.selection.brush(at(from), at(to));
    },
  );
  private panels: Panel[] = [];
  private readonly written = new LastKey();
  private readonly hit = plotArea('rnngrad-grid');
  private readonly words = svg('g', { class: 'rnngrad-grid-words' });
  private readonly line = svg('path', { class: 'rnngrad-cross' });
  private readonly frame = svg('rect', { class: 'rnngrad-panel-chosen' });
}

/** Panels for the places of an axis. */
export abstract class AxisGrid extends Grid {
  protected abstract readonly axis: 'sample' | 'channel';

  protected override get chosenEvent(): string {
    return `change:${this.axis}`;
  }

  protected override get chosen(): number {
    return this.selection.point[this.axis];
  }

  protected override count(plotArray: PlotArray): number {
    return this.axis === 'sample' ? plotArray.samples : plotArray.channels;
  }

  protected override pointOf(index: number): Partial<Point> {
    return { [this.axis]: index };
  }
}
