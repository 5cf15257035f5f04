/**
 * The part of bqplot 0.13's JavaScript (0.6 by its own count) that is used here.
 * npm has no such version, so it cannot be installed for its types.
 */
declare module 'bqplot' {
  import type { DOMWidgetView, WidgetModel, WidgetView } from '@jupyter-widgets/base';

  /** The space around the plot area, in pixels. */
  export interface Margin {
    top: number;
    right: number;
    bottom: number;
    left: number;
  }

  /** A scale view: `scale` is the d3 scale, `offset` what a mark adds for ordinal scales. */
  export interface ScaleView extends WidgetView {
    scale: ((value: number) => number) & {
      invert(pixel: number): number;
      domain(): number[];
      range(): number[];
    };
    offset: number;
    set_range(range: [number, number]): void;
  }

  export class MarkModel extends WidgetModel {
    update_domains(): void;
    getScales(): Record<string, WidgetModel>;
  }

  export class Figure extends DOMWidgetView {
    margin: Margin;
    plotareaWidth: number;
    plotareaHeight: number;
    /** Between the two SVGs, over the plot area; belongs to one mark at a time. */
    webGLCanvas: HTMLCanvasElement;
    relayoutHooks: (() => void)[];
    padded_range(direction: 'x' | 'y', scale: WidgetModel): [number, number];
  }

  export abstract class Mark extends WidgetView {
    parent: Figure;
    scales: Record<string, ScaleView>;
    abstract draw(animate?: boolean): void;
    abstract set_ranges(): void;
    set_positional_scales(): void;
    initialize_additional_scales(): void;
    create_listeners(): void;
    relayout(): void;
    override render(): Promise<unknown>;
  }
}
