// bqplot's figure and axis, with what depends on the width of a view in the view. Both have it in
// their models, where views of different widths would spoil each other.

import type { WidgetModel } from '@jupyter-widgets/base';
import type { Margin } from 'bqplot';
import { Axis, AxisModel, Figure, FigureModel } from 'bqplot';

import { BREAKPOINT, MARGIN_RIGHT } from '../drawing/page-layout';
import type { Tick } from '../drawing/ticks';
import { MODULE_STATE } from '../version';

export class PlotFigureModel extends FigureModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'PlotFigureModel',
      _view_name: 'PlotFigure',
    };
  }
}

export class PlotAxisModel extends AxisModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'PlotAxisModel',
      _view_name: 'PlotAxis',
    };
  }
}

export class PlotFigure extends Figure {
  /** Whether the room at the right is the narrow one, which holds fewer words. */
  get narrow(): boolean {
    return this.width < BREAKPOINT;
  }

  override get margin(): Margin {
    const right = this.narrow ? MARGIN_RIGHT.narrow : MARGIN_RIGHT.wide;
    return { ...(this.model.get('fig_margin') as Margin), right };
  }

  // where it is not displayed, for instance in a tab, it has no size, but margins
  override get plotareaWidth(): number {
    return Math.max(super.plotareaWidth, 0);
  }

  override get plotareaHeight(): number {
    return Math.max(super.plotareaHeight, 0);
  }

  /** Write along one of its axes. */
  setTicks(axis: WidgetModel, ticks: readonly Tick[]): void {
    this.axes.get(axis)?.setTicks(ticks);
  }

  /** Bring it to its size, also where it is out of sight and bqplot would leave it as it was. */
  layOut(): void {
    const { visible } = this;
    this.visible = true;
    this.relayoutImpl();
    this.visible = visible;
  }

  /**
   * Its own size where the page scales it, as slides do. bqplot asks for the size on the screen,
   * which the page would scale once more.
   */
  override getFigureSize(): DOMRect {
    const size = super.getFigureSize();
    const { el } = this;
    const { width, height } = getComputedStyle(el);
    const scaled =
      Math.abs(size.width - el.offsetWidth) > 1 || Math.abs(size.height - el.offsetHeight) > 1;
    return scaled && el.offsetWidth > 0
      ? new DOMRect(size.x, size.y, parseFloat(width), parseFloat(height))
      : size;
  }

  override async add_axis(model: WidgetModel): Promise<Axis> {
    const axis = (await super.add_axis(model)) as PlotAxis;
    this.axes.set(model, axis);
    return axis;
  }

  private readonly axes = new WeakMap<WidgetModel, PlotAxis>();
}

export class PlotAxis extends Axis {
  setTicks(ticks: readonly Tick[]): void {
    const same = ({ length }: readonly Tick[]): boolean =>
      length === ticks.length &&
      ticks.every(([at, text], i) => at === this.ticks[i][0] && text === this.ticks[i][1]);
    if (!same(this.ticks)) {
      this.ticks = ticks;
      this.set_tick_values();
    }
  }

  /** bqplot would write them a frame later. */
  override set_tick_values(): void {
    this.axis.tickValues(this.ticks.map(([at]) => at));
    this.g_axisline?.call(this.axis);
    this.apply_tick_styling();
  }

  /** Looked up when it is written, because bqplot keeps the function for its next frame. */
  override generate_tick_formatter(): (at: number) => string {
    return (at) => this.ticks.find(([place]) => place === at)?.[1] ?? '';
  }

  private ticks: readonly Tick[] = [];
}
