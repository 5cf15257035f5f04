import type { ScaleView } from 'bqplot';

import { CanvasMark, SelectionMarkModel } from './canvas-mark';
import { makePalette, makeTable, paintCells, parseColour } from './colours';
import type { Palette } from './colours';
import { pool } from './slicing';
import { NON_FINITE } from './theme';

export class RasterModel extends SelectionMarkModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'RasterModel',
      _view_name: 'Raster',
      half: null,
    };
  }

  /** Channels [start, stop) that are shown: all of them, or one half. */
  channels(): [number, number] {
    const count = this.selection.cube?.channels ?? 0;
    const half = this.get('half') as 0 | 1 | null;
    const middle = Math.floor(count / 2);
    return half === null ? [0, count] : half === 0 ? [0, middle] : [middle, count];
  }
}

/**
 * The heat map of one sample: timesteps left to right, channels bottom to top.
 *
 * More cells than device pixels are pooled to the value of largest magnitude; fewer are drawn as
 * blocks with sharp edges.
 */
export class Raster extends CanvasMark {
  declare model: RasterModel;

  override initialize_additional_scales(): void {
    const repaint = (): void => this.selection.invalidate();
    this.listenTo(this.colourScale, 'domain_changed', repaint);
    this.listenTo(this.colourScale, 'color_scale_range_changed', repaint);
  }

  protected override paint(context: CanvasRenderingContext2D): void {
    const cube = this.selection.cube;
    const [start, stop] = this.model.channels();
    if (cube === null || stop <= start) {
      return;
    }
    const ratio = window.devicePixelRatio || 1;
    const rows = Math.min(stop - start, Math.round(this.height * ratio));
    const cols = Math.min(cube.timesteps, Math.round(this.width * ratio));
    this.allocate(rows, cols);
    const { sample } = this.selection.point;
    pool(cube, { sample, start, stop, reflect: this.selection.reflect }, rows, cols, this.cells);
    paintCells(this.cells, rows, cols, this.palette(), this.pixels);
    const image = this.image as ImageData;
    this.cellContext.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    const [left, right] = this.edges('x', -0.5, cube.timesteps - 0.5);
    const [bottom, top] = this.edges('y', -0.5, stop - start - 0.5);
    context.drawImage(this.cellCanvas, left, top, right - left, bottom - top);
  }

  private edges(axis: 'x' | 'y', first: number, last: number): [number, number] {
    const { scale } = this.scale(axis);
    return [scale(first), scale(last)];
  }

  private allocate(rows: number, cols: number): void {
    if (this.image?.width === cols && this.image.height === rows) {
      return;
    }
    this.cellCanvas.width = cols;
    this.cellCanvas.height = rows;
    this.image = new ImageData(cols, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.cells = new Float32Array(rows * cols);
  }

  private palette(): Palette {
    const { norm } = this.selection;
    const scale = this.colourScale.scale;
    const domain = scale.domain();
    const key = [norm.vmin, norm.vmax, domain.join(), scale.range().join()].join();
    if (key !== this.paletteKey) {
      const table = makeTable((v) => String(scale(v)), domain[0], domain[domain.length - 1]);
      this.cachedPalette = makePalette(table, norm, MAGENTA);
      this.paletteKey = key;
    }
    return this.cachedPalette;
  }

  private get colourScale(): ScaleView {
    return this.scale('color');
  }

  private paletteKey = '';
  private cachedPalette: Palette = new Uint32Array(0);
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);
  private cells = new Float32Array(0);
  private readonly cellCanvas = document.createElement('canvas');
  private readonly cellContext = this.cellCanvas.getContext('2d') as CanvasRenderingContext2D;
}

const MAGENTA = parseColour(NON_FINITE);
