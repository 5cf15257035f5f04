/**
 * The part of bqplot 0.13's JavaScript (0.6 by its own count) that is used here.
 * npm has no such version, so it cannot be installed for its types.
 */
declare module 'bqplot' {
  import type {
    DOMWidgetModel,
    DOMWidgetView,
    WidgetModel,
    WidgetView,
  } from '@jupyter-widgets/base';

  /** A scale view; `scale` is the d3 scale: a number to a pixel, or to a colour. */
  export interface ScaleView extends WidgetView {
    scale: ((value: number) => number) & {
      invert(pixel: number): number;
      domain(): number[];
      range(): number[];
    };
    setRange(range: [number, number]): void;
  }

  export class MarkModel extends WidgetModel {
    getScales(): Record<string, WidgetModel>;
  }

  export interface Margin {
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
    readonly left: number;
  }

  export class FigureModel extends DOMWidgetModel {}

  export class Figure extends DOMWidgetView {
    /** Its width when it was last laid out. */
    width: number;
    get margin(): Margin;
    get plotareaWidth(): number;
    get plotareaHeight(): number;
    /** Between the two SVGs, over the plot area. A relayout sizes it. */
    webGLCanvas: HTMLCanvasElement;
    /** Whether it is in sight. If not, a relayout does nothing. */
    visible: boolean;
    relayoutImpl(): void;
    relayout(): void;
    /** The size of its element on the screen. */
    getFigureSize(): DOMRect;
    add_axis(model: WidgetModel): Promise<Axis>;
    padded_range(direction: 'x' | 'y', scale: WidgetModel): [number, number];
  }

  export class AxisModel extends WidgetModel {}

  export class Axis extends WidgetView {
    /** The d3 axis, which draws itself into an element. */
    axis: ((group: unknown) => void) & { tickValues(values: number[]): unknown };
    /** A d3 selection of that element. */
    g_axisline: { call(draw: (group: unknown) => void): unknown } | undefined;
    set_tick_values(): void;
    generate_tick_formatter(): (at: number) => string;
    apply_tick_styling(): void;
  }

  export abstract class Mark extends WidgetView {
    parent: Figure;
    scales: Record<string, ScaleView>;
    override render(): Promise<void>;
    abstract draw(): void;
    abstract set_ranges(): void;
    abstract relayout(): void;
    abstract compute_view_padding(): void;
    abstract clear_style(): void;
    abstract set_default_style(): void;
    abstract set_style_on_elements(): void;
    set_positional_scales(): void;
    initialize_additional_scales(): void;
    create_listeners(): void;
  }
}
