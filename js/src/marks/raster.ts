import type { ScaleView } from 'bqplot';

import { maskedAreas } from '../data/masked';
import { Memo } from '../data/memo';
import type { PlotArray, Rows, Span } from '../data/slicing';
import { pool, rowsOfChannel, rowsOfSample } from '../data/slicing';
import type { Palette } from '../drawing/colours';
import {
  makeLogPalette,
  makePalette,
  makeTable,
  paintCells,
  parseColour,
} from '../drawing/colours';
import type { Rectangle } from '../drawing/hatch';
import { hatch } from '../drawing/hatch';
import { NON_FINITE, pixelRatio, theme } from '../drawing/theme';
import { CanvasMark, SelectionMarkModel } from './canvas-mark';

export class RasterModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'RasterModel',
      _view_name: 'Raster',
      section: null,
      rows_of: 'channel',
    };
  }
}

/** A mark that colours cells, pooled where there are more than device pixels; masked ones are hatched. */
export abstract class ColourMark extends CanvasMark {
  override initialize_additional_scales(): void {
    const repaint = (): void => this.selection.invalidate();
    this.listenTo(this.colourScale, 'domain_changed', repaint);
    this.listenTo(this.colourScale, 'color_scale_range_changed', repaint);
  }

  protected drawCells(
    context: CanvasRenderingContext2D,
    plotArray: PlotArray,
    rows: Rows,
    span: Span,
    box: Rectangle,
  ): void {
    const ratio = pixelRatio();
    const height = Math.max(
      Math.min(rows.count, Math.round(this.height * ratio), Math.round(box.height * ratio)),
      1,
    );
    const width = Math.max(Math.min(span[1] - span[0], Math.round(box.width * ratio)), 1);
    this.allocate(height, width);
    const cells = this.cellsOf(plotArray, rows, span, height, width);
    paintCells(cells, height, width, this.palette(), this.pixels);
    this.cellContext.putImageData(this.image as ImageData, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.cellCanvas, box.left, box.top, box.width, box.height);
    const column = box.width / (span[1] - span[0]);
    const row = box.height / rows.count;
    const areas = maskedAreas(plotArray, rows, span).map((area) => ({
      left: box.left + (area.columns[0] - span[0]) * column,
      top: box.top + (rows.count - area.rows[1]) * row,
      width: (area.columns[1] - area.columns[0]) * column,
      height: (area.rows[1] - area.rows[0]) * row,
    }));
    hatch(context, areas);
  }

  /** The cells of a picture, as `pool` lays them out. */
  protected cellsOf(
    plotArray: PlotArray,
    rows: Rows,
    span: Span,
    height: number,
    width: number,
  ): Float32Array {
    if (this.cells.length !== height * width) {
      this.cells = new Float32Array(height * width);
    }
    pool(plotArray, rows, span, height, width, this.cells);
    return this.cells;
  }

  private allocate(rows: number, cols: number): void {
    if (this.image?.width === cols && this.image.height === rows) {
      return;
    }
    this.cellCanvas.width = cols;
    this.cellCanvas.height = rows;
    this.image = new ImageData(cols, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  private palette(): Palette {
    const { norm, logColours } = this.selection;
    const scale = this.colourScale.scale;
    const domain = scale.domain();
    const key = [norm.vmin, norm.vmax, logColours, domain.join(), scale.range().join()];
    return this.madePalette.get(key, () => {
      const table = makeTable((v) => String(scale(v)), domain[0], domain[domain.length - 1]);
      return logColours
        ? makeLogPalette(table, this.selection.limit, parseColour(theme().below), NON_FINITE_COLOUR)
        : makePalette(table, norm, NON_FINITE_COLOUR);
    });
  }

  private get colourScale(): ScaleView {
    return this.scale('color');
  }

  private readonly madePalette = new Memo<Palette>();
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private cells = new Float32Array(0);
  private readonly cellCanvas = document.createElement('canvas');
  private readonly cellContext = this.cellCanvas.getContext('2d') as CanvasRenderingContext2D;
}

/**
 * A heat map, timesteps left to right: the channels of one sample, or one channel of each sample.
 */
export class Raster extends ColourMark {
  declare model: RasterModel;

  protected override paint(context: CanvasRenderingContext2D): void {
    const { plotArray, tensor, reflect } = this.selection;
    if (plotArray === null) {
      return;
    }
    const { sample, channel } = this.selection.point;
    const [start, stop] = tensor.rowRange(this.model.get('section') as number | null);
    const rows =
      this.model.get('rows_of') === 'sample'
        ? rowsOfChannel(plotArray, channel, reflect)
        : rowsOfSample(plotArray, sample, start, stop, reflect);
    const x = this.scale('x').scale;
    const y = this.scale('y').scale;
    const span = this.selection.span(x.domain());
    if (rows.count < 1 || span[1] <= span[0]) {
      return;
    }
    const [left, top] = [x(span[0] - 0.5), y(rows.count - 0.5)];
    const [width, height] = [x(span[1] - 0.5) - left, y(-0.5) - top];
    this.drawCells(context, plotArray, rows, span, { left, top, width, height });
  }
}

const NON_FINITE_COLOUR = parseColour(NON_FINITE);
