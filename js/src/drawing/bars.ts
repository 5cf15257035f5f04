import { theme } from './theme';

/**
 * Draw bars from the lower edge of a plot up, with a gap of a pixel where there is room for one.
 *
 * @param edges - pixels of the edges, one more than bars
 * @param top - pixel of a bar's upper end
 */
export function drawBars(
  context: CanvasRenderingContext2D,
  edges: Float64Array,
  top: (bar: number) => number,
  floor: number,
): void {
  context.fillStyle = theme().ink;
  context.globalAlpha = 0.2;
  for (let i = 0; i + 1 < edges.length; i++) {
    const width = edges[i + 1] - edges[i];
    const y = top(i);
    context.fillRect(edges[i], y, width - (width > 3 ? 1 : 0), floor - y);
  }
  context.globalAlpha = 1;
}
