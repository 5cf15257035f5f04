import { theme } from './theme';

/** Pixels between two lines, measured along an edge. */
const PITCH = 6;

/** A rectangle, in pixels. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Cover areas with the lines that mean: masked. They go on from one area to the next. */
export function hatch(context: CanvasRenderingContext2D, areas: readonly Rectangle[]): void {
  if (areas.length === 0) {
    return;
  }
  const { ground, line } = theme().masked;
  context.save();
  context.beginPath();
  areas.forEach(({ left, top, width, height }) => context.rect(left, top, width, height));
  context.clip();
  context.fillStyle = ground;
  context.fill();
  const left = Math.min(...areas.map((area) => area.left));
  const top = Math.min(...areas.map((area) => area.top));
  const right = Math.max(...areas.map((area) => area.left + area.width));
  const bottom = Math.max(...areas.map((area) => area.top + area.height));
  context.beginPath();
  for (let at = Math.floor((left + top) / PITCH) * PITCH; at < right + bottom; at += PITCH) {
    context.moveTo(at - top, top); // x + y is the same along a line
    context.lineTo(at - bottom, bottom);
  }
  context.strokeStyle = line;
  context.lineWidth = 1.25;
  context.stroke();
  context.restore();
}
