/** Pixels from point to point below which a line is drawn column by column. */
const DENSE = 1.5;

/**
 * Draw a line through points that are `dx` pixels apart, in the context's stroke style and width.
 *
 * @param ys - pixel of each point; a gap where it is not finite
 */
export function polyline(
  context: CanvasRenderingContext2D,
  x0: number,
  dx: number,
  ys: Float64Array,
): void {
  if (dx < DENSE) {
    columns(context, x0, dx, ys);
    return;
  }
  context.beginPath();
  let open = false;
  ys.forEach((y, t) => {
    const x = x0 + t * dx;
    if (!Number.isFinite(y)) {
      open = false;
    } else if (open) {
      context.lineTo(x, y);
    } else {
      context.moveTo(x, y);
      if (!Number.isFinite(ys[t + 1])) {
        context.lineTo(x + 1, y); // a lone point has no line of its own
      }
      open = true;
    }
  });
  context.stroke();
}

/**
 * The same where points are as dense as pixels: in each pixel column one bar from the smallest to the
 * largest value. Stroking a path of a thousand zigzags takes several times as long.
 */
function columns(
  context: CanvasRenderingContext2D,
  x0: number,
  dx: number,
  ys: Float64Array,
): void {
  const pen = context.lineWidth;
  context.fillStyle = context.strokeStyle;
  let before = NaN; // where the line comes from
  for (let t = 0; t < ys.length; ) {
    const column = Math.round(x0 + t * dx);
    let low = before;
    let high = before;
    for (; t < ys.length && Math.round(x0 + t * dx) === column; t++) {
      before = Number.isFinite(ys[t]) ? ys[t] : NaN;
      // a comparison with NaN is false: without a bound yet, the value becomes it
      low = low <= before ? low : before;
      high = high >= before ? high : before;
    }
    if (low <= high) {
      context.fillRect(column - pen / 2, low - pen / 2, pen, high - low + pen);
    }
  }
}
