import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';
import type { ScaleView } from 'bqplot';
import { Mark, MarkModel } from 'bqplot';

import { LastKey } from '../data/memo';
import { pixelRatio, theme } from '../drawing/theme';
import type { Fit, Tick } from '../drawing/ticks';
import { MODULE_STATE } from '../version';
import type { PlotFigure } from '../widgets/figure';
import type { SelectionModel } from '../widgets/selection';

/** The state that all our marks have. */
export class SelectionMarkModel extends MarkModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), ...MODULE_STATE, selection: null };
  }

  static override serializers: ISerializers = {
    ...MarkModel.serializers,
    selection: { deserialize: unpack_models },
  };

  get selection(): SelectionModel {
    return this.get('selection') as SelectionModel;
  }
}

/**
 * A mark that shows the selection. It draws on `redraw`, when scales change and after a relayout.
 */
export abstract class SelectionMark extends Mark {
  declare model: SelectionMarkModel;
  declare parent: PlotFigure;

  override async render(): Promise<void> {
    await super.render();
    this.create_listeners();
    this.set_ranges();
    this.setup();
    this.draw();
  }

  /** Build the elements that stay. The size of the plot area is known by now. */
  protected setup(): void {}

  /** Let elements of the mark show in the margins too, where bqplot would clip them. */
  protected drawBeyondPlot(): void {
    this.el.removeAttribute('clip-path');
  }

  override create_listeners(): void {
    super.create_listeners();
    this.listenTo(this.selection, 'redraw', this.draw);
    this.listenTo(this.selection, 'layout', () => this.parent.layOut());
    this.listenTo(this.model, 'change', this.draw);
  }

  override set_positional_scales(): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = this.scales[axis];
      if (scale !== undefined) {
        this.listenTo(scale, 'domain_changed', this.draw);
      }
    }
  }

  override set_ranges(): void {
    for (const axis of ['x', 'y'] as const) {
      const scale = this.scales[axis];
      scale?.setRange(this.parent.padded_range(axis, scale.model));
    }
  }

  override relayout(): void {
    this.set_ranges();
    this.draw();
  }

  get selection(): SelectionModel {
    return this.model.selection;
  }

  /** A scale that the mark always has. */
  protected scale(name: 'x' | 'y' | 'color'): ScaleView {
    return this.scales[name] as ScaleView;
  }

  /** Write along the axis that a trait of the mark holds, in this view. */
  protected setTicks(trait: string, ticks: readonly Tick[]): void {
    const axis = this.model.get(trait) as WidgetModel | null;
    if (axis !== null) {
      this.parent.setTicks(axis, ticks);
    }
  }

  /** Fit a scale, and what is written along its axis. */
  protected fitAxis(name: 'x' | 'y', trait: string, { min, max, ticks }: Fit): void {
    this.setTicks(trait, ticks);
    this.scale(name).model.set({ min, max });
  }

  get width(): number {
    return Math.max(this.parent.plotareaWidth, 1);
  }

  get height(): number {
    return Math.max(this.parent.plotareaHeight, 1);
  }

  /** Whether the room at the right is the narrow one, which holds fewer words. */
  get narrow(): boolean {
    return this.parent.narrow;
  }

  // bqplot calls these on every mark; ours have neither styles for each datum nor padding
  override clear_style(): void {}
  override set_default_style(): void {}
  override set_style_on_elements(): void {}
  override compute_view_padding(): void {}
}

/**
 * A mark that paints on the figure's canvas layer, which lies between the figure's two SVGs. It is
 * placed right in every browser; WebKit misplaces a canvas in a `foreignObject`. The layer belongs
 * to one mark of the figure, and no WebGL mark may share that figure.
 */
export abstract class CanvasMark extends SelectionMark {
  override draw(): void {
    // fitting a scale while painting asks for another drawing, which is not needed
    if (this.painting || !this.parent.webGLCanvas) {
      return;
    }
    // after a change of the margins, bqplot's layout would set them too late
    this.set_ranges();
    const context = sizeLayer(this.parent, this.width, this.height);
    if (context !== null) {
      context.clearRect(0, 0, this.width, this.height);
      if (this.model.get('visible')) {
        this.painting = true;
        try {
          this.paint(context);
        } finally {
          this.painting = false;
        }
        this.el.setAttribute('data-drawn', String(++this.drawn));
      }
    }
  }

  /** Paint into the plot area; the unit is the CSS pixel. */
  protected abstract paint(context: CanvasRenderingContext2D): void;

  /**
   * Paint what seldom changes: once for each key, size and theme, and copy it from then on. This is
   * how moving the sample slider draws one curve instead of all.
   */
  protected paintCached(
    context: CanvasRenderingContext2D,
    key: readonly unknown[],
    paint: (context: CanvasRenderingContext2D) => void,
  ): void {
    const ratio = pixelRatio();
    const { cached } = this;
    if (this.cachedFor.changed([...key, theme(), this.width, this.height, ratio])) {
      cached.width = Math.round(this.width * ratio);
      cached.height = Math.round(this.height * ratio);
      const own = cached.getContext('2d') as CanvasRenderingContext2D;
      own.scale(ratio, ratio);
      paint(own);
    }
    context.drawImage(cached, 0, 0, this.width, this.height);
  }

  /** A horizontal line through a value, such as zero, sharp on whole pixels. */
  protected rule(
    context: CanvasRenderingContext2D,
    y: number,
    alpha: number,
    dash: number[] = [],
  ): void {
    const sharp = Math.round(y) + 0.5;
    context.strokeStyle = theme().ink;
    context.lineWidth = 1;
    context.globalAlpha = alpha;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(0, sharp);
    context.lineTo(this.width, sharp);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  private drawn = 0;
  private painting = false;
  private readonly cachedFor = new LastKey();
  private readonly cached = document.createElement('canvas');
}

/** Give the layer one pixel for each device pixel; bqplot gives it one for each CSS pixel. */
function sizeLayer(
  figure: PlotFigure,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const canvas = figure.webGLCanvas;
  const ratio = pixelRatio();
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  // always, because bqplot's layout sets the pixels without the style, perhaps to the right numbers
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context?.setTransform(w / width, 0, 0, h / height, 0, 0);
  return context;
}
