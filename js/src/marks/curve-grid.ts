import { Memo } from '../data/memo';
import { sectionOf } from '../data/sections';
import type { PlotArray, Point } from '../data/slicing';
import { channelMaximum, largestMagnitude, series } from '../data/slicing';
import { tick } from '../drawing/format';
import { pixelsOf } from '../drawing/linear';
import type { Panel } from '../drawing/panels';
import { polyline } from '../drawing/polyline';
import { sampleColour, theme } from '../drawing/theme';
import { outerTick, roundTicks } from '../drawing/ticks';
import { AxisGrid, GridModel } from './grid';

export class CurveGridModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    const names = { _model_name: 'CurveGridModel', _view_name: 'CurveGrid' };
    return { ...super.defaults(), ...names, independent_y: 0 };
  }
}

/** The curves of a channel in every sample, a panel for each channel, a colour for each sample. */
export class CurveGrid extends AxisGrid {
  protected readonly perPage = 24;
  protected readonly axis = 'channel';

  protected paintPanels(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    panels: Panel[],
  ): void {
    const { reflect, point } = this.selection;
    const key = [
      plotArray.data,
      this.page,
      reflect,
      this.independentY,
      this.selection.ylim,
      ...this.span,
    ];
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
    const limit = this.independentY
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

  private get independentY(): boolean {
    return (this.model.get('independent_y') as number) === 1;
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
    return [...super.wordsKey(), this.independentY, this.selection.ylim];
  }

  protected label(plotArray: PlotArray, panel: Panel): SVGElement[] {
    const [low, high] = this.limits(plotArray, panel.index);
    const chosen = this.selection.ylim !== null;
    const outer = outerTick(high / 1.15);
    if (this.independentY && !chosen) {
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
