import type { PlotArray, Point } from '../data/slicing';
import { rowsOfSample } from '../data/slicing';
import type { Panel } from '../drawing/panels';
import { theme } from '../drawing/theme';
import { evenTicks } from '../drawing/ticks';
import { AxisGrid, GridModel } from './grid';

export class MapsModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'MapsModel', _view_name: 'Maps' };
  }
}

/** A heat map for each sample, in the colours of one range. */
export class Maps extends AxisGrid {
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
    return channelTicks(plotArray, panel).map(([text, x, y]) => {
      const label = this.text(text, x, y);
      label.setAttribute('text-anchor', 'end');
      return label;
    });
  }

  protected locate(plotArray: PlotArray, panel: Panel, y: number): Partial<Point> {
    return { channel: channelAt(plotArray, panel, y) };
  }
}

/** Labels of channels beside a panel, with the right end and the height of each. */
export function channelTicks(
  { channels }: PlotArray,
  { first, height, left, top }: Panel,
): [text: string, x: number, y: number][] {
  if (!first || height < 30) {
    return [];
  }
  const parts = Math.min(Math.max(Math.floor(height / 90), 1), 4);
  return evenTicks(channels, parts).map((channel) => {
    const y = top + height * (1 - (channel + 0.5) / channels) + 4;
    return [String(channel), left - 6, Math.max(y, top + 9)];
  });
}

/** The channel at a height of a panel. */
export function channelAt({ channels }: PlotArray, { top, height }: Panel, y: number): number {
  const row = Math.floor((1 - (y - top) / height) * channels);
  return Math.min(Math.max(row, 0), channels - 1);
}
