// Choosing a part of the time axis by a drag along it.

import { pointIn, setAttributes, show, svg } from '../drawing/svg';

/** A drag of at least so many pixels is a brush, not a click. */
const SHORTEST = 5;

/** A drag along the time axis chooses the range that all panels show. */
export class TimeBrush {
  /** The rectangle that is drawn while it is dragged. */
  readonly el = svg('rect', { class: 'rnngrad-brush', style: 'display: none' });

  /**
   * @param size - gives width and height of the plot area, in pixels
   * @param zoom - called with both ends of the drag, in pixels
   */
  constructor(
    private readonly size: () => readonly [number, number],
    private readonly zoom: (from: number, to: number) => void,
  ) {}

  /** Whether the last press in the plot area was a drag: then the click after it chooses nothing. */
  get wasUsed(): boolean {
    return this.used;
  }

  /** Follow the pointer in a plot area. */
  attachTo(area: SVGRectElement): void {
    area.addEventListener('pointerdown', (event) => {
      if (event.button === 0) {
        this.from = this.place(area, event);
        area.setPointerCapture(event.pointerId);
      }
    });
    area.addEventListener('pointermove', (event) => this.draw(this.place(area, event)));
    area.addEventListener('pointerup', (event) => this.end(this.place(area, event)));
    area.addEventListener('pointercancel', () => this.stop());
  }

  private place(area: SVGRectElement, event: MouseEvent): number {
    return Math.min(Math.max(pointIn(area, event).x, 0), this.size()[0]);
  }

  private draw(to: number): void {
    const from = this.from ?? 0;
    const isLong = this.from !== null && Math.abs(to - from) >= SHORTEST;
    show(this.el, isLong);
    if (isLong) {
      const width = Math.abs(to - from);
      setAttributes(this.el, { x: Math.min(from, to), width, y: 0, height: this.size()[1] });
    }
  }

  private end(to: number): void {
    const { from } = this;
    this.stop();
    this.used = from !== null && Math.abs(to - from) >= SHORTEST;
    if (this.used && from !== null) {
      this.zoom(from, to);
    }
  }

  private stop(): void {
    this.from = null;
    show(this.el, false);
  }

  private from: number | null = null;
  private used = false;
}
