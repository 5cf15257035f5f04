import type { PlotArray, Point } from '../data/slicing';
import { rowsOfSample } from '../data/slicing';
import type { Panel } from '../drawing/panels';
import { theme } from '../drawing/theme';
import { evenTicks } from '../drawing/ticks';
import { Grid, GridModel } from './grid';

export class MapsModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'MapsModel', _view_name: 'Maps' };
  }
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
