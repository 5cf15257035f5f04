import { parseColour } from './colours';

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
 * Draw a line whose points are as dense as pixels: one bar in each pixel column, from the smallest
 * to the largest value. Stroking a path of a thousand zigzags takes several times as long.
 */
function columns(
  context: CanvasRenderingContext2D,
  x0: number,
  dx: number,
  ys: Float64Array,
): void {
  const pen = context.lineWidth;
  const isDrawn = dashesOf(context);
  context.fillStyle = context.strokeStyle;
  eachColumn(x0, dx, ys, (column, low, high) => {
    if (!isDrawn(column)) {
      return;
    }
    context.fillRect(column - pen / 2, low - pen / 2, pen, high - low + pen);
  });
}

/** Whether the context's line dash is a line, not a gap, in a pixel column. */
function dashesOf(context: CanvasRenderingContext2D): (column: number) => boolean {
  const dash = context.getLineDash();
  const length = dash.reduce((a, b) => a + b, 0);
  return (column) => {
    let place = length === 0 ? 0 : ((column % length) + length) % length;
    const part = dash.findIndex((pixels) => {
      place -= pixels;
      return place < 0;
    });
    return part % 2 !== 1;
  };
}

/** The range that a line covers in each pixel column; not called for columns without any point. */
export function eachColumn(
  x0: number,
  dx: number,
  ys: Float64Array,
  covered: (column: number, low: number, high: number) => void,
): void {
  let before = NaN;
  for (let t = 0; t < ys.length; ) {
    const column = Math.round(x0 + t * dx);
    let low = Infinity;
    let high = -Infinity;
    for (; t < ys.length && Math.round(x0 + t * dx) === column; t++) {
      const y = ys[t];
      if (Number.isFinite(y)) {
        // where the line goes on from a point before, it covers that one's height here too
        const from = Number.isFinite(before) ? before : y;
        low = Math.min(low, y, from);
        high = Math.max(high, y, from);
      }
      before = y;
    }
    if (low <= high) {
      covered(column, low, high);
    }
  }
}

/**
 * Draw many faint lines, one pixel wide, over each other. Where their points are as dense as
 * pixels, count first how many lines cover each pixel, then paint once: thirty curves of a thousand
 * points would be tens of thousands of bars.
 *
 * @param lines - the pixels of each line, as for `polyline`
 */
export function bundle(
  context: CanvasRenderingContext2D,
  x0: number,
  dx: number,
  lines: Float64Array[],
  alpha: number,
): void {
  if (dx >= DENSE) {
    context.globalAlpha = alpha;
    context.lineWidth = 1;
    lines.forEach((ys) => polyline(context, x0, dx, ys));
    return;
  }
  const { width, height } = context.canvas;
  const { a: ratio } = context.getTransform();
  const scaled = ratio === 1 ? lines : lines.map((ys) => ys.map((y) => y * ratio));
  paintCounts(context, coverage(x0 * ratio, dx * ratio, scaled, width, height), alpha);
}

/** How many lines cover each pixel of an image, row by row; in pixels of the image. */
export function coverage(
  x0: number,
  dx: number,
  lines: readonly Float64Array[],
  width: number,
  height: number,
): Uint16Array {
  const counts = new Uint16Array(width * height);
  const count = (column: number, low: number, high: number): void => {
    if (column < 0 || column > width) {
      return; // outside of the range that is shown
    }
    const at = Math.min(column, width - 1);
    const last = Math.min(Math.round(high), height - 1);
    for (let row = Math.max(Math.round(low), 0); row <= last; row++) {
      counts[row * width + at]++;
    }
  };
  lines.forEach((ys) => eachColumn(x0, dx, ys, count));
  return counts;
}

/** Colour each pixel as if the lines had been painted over it one after the other. */
function paintCounts(context: CanvasRenderingContext2D, counts: Uint16Array, alpha: number): void {
  const { width, height } = context.canvas;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const ink = parseColour(String(context.strokeStyle)) & 0xffffff;
  counts.forEach((count, i) => {
    if (count > 0) {
      const opacity = Math.round(255 * (1 - (1 - alpha) ** count));
      pixels[i] = ((opacity << 24) | ink) >>> 0;
    }
  });
  // drawn over what is there already, which putImageData would replace
  const layer = document.createElement('canvas');
  layer.width = width;
  layer.height = height;
  layer.getContext('2d')?.putImageData(image, 0, 0);
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.drawImage(layer, 0, 0);
  context.restore();
}
