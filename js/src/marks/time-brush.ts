// Choosing a part of the time axis by a drag along it.

import type { Rectangle } from '../drawing/hatch';
import { pointIn, setAttributes, show, svg } from '../drawing/svg';

/** A drag of at least so many pixels is a brush, not a click. */
const SHORTEST = 5;

/** A drag along the time axis chooses the range that all panels show. */
export class TimeBrush {
  /** The rectangle that is drawn while it is dragged. */
  readonly el = svg('rect', { class: 'rnngrad-brush', style: 'display: none' });

  /**
   * @param panelAt - gives the panel at a pixel: a drag stays in the one that it begins in
   * @param zoom - called with both ends of the drag, in pixels, and that panel
   */
  constructor(
    private readonly panelAt: (x: number, y: number) => Rectangle | null,
    private readonly zoom: (from: number, to: number, panel: Rectangle) => void,
  ) {}

  /** Whether the last press in the plot area was a drag: then the click after it chooses nothing. */
  get wasUsed(): boolean {
    return this.used;
  }

  /** Follow the pointer in a plot area. */
  attachTo(area: SVGRectElement): void {
    area.addEventListener('pointerdown', (event) => {
      const { x, y } = pointIn(area, event);
      this.used = false;
      this.panel = event.button === 0 ? this.panelAt(x, y) : null;
      if (this.panel !== null) {
        this.from = x;
        area.setPointerCapture(event.pointerId);
      }
    });
    area.addEventListener('pointermove', (event) => this.draw(pointIn(area, event).x));
    area.addEventListener('pointerup', (event) => this.end(pointIn(area, event).x));
    area.addEventListener('pointercancel', () => this.stop());
  }

  /** The end of a drag to a pixel, within the panel; null where it is a click. */
  private endAt(x: number, { left, width }: Rectangle): number | null {
    const end = Math.min(Math.max(x, left), left + width);
    return Math.abs(end - this.from) >= SHORTEST ? end : null;
  }

  private draw(x: number): void {
    const { panel, from } = this;
    const to = panel === null ? null : this.endAt(x, panel);
    show(this.el, to !== null);
    if (panel !== null && to !== null) {
      const { top: y, height } = panel;
      setAttributes(this.el, { x: Math.min(from, to), width: Math.abs(to - from), y, height });
    }
  }

  private end(x: number): void {
    const { panel, from } = this;
    const to = panel === null ? null : this.endAt(x, panel);
    this.stop();
    this.used = to !== null;
    if (panel !== null && to !== null) {
      this.zoom(from, to, panel);
    }
  }

  private stop(): void {
    this.panel = null;
    show(this.el, false);
  }

  private panel: Rectangle | null = null;
  private from = 0;
  private used = false;
}
