// Pure: small panels in a grid, page by page.

/** A panel's plot area, in pixels of the figure's plot area. */
export interface Panel {
  readonly index: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Whether it is the lowest, or the first, of those that are there. */
  readonly lowest: boolean;
  readonly first: boolean;
}

/** Room over a panel for its name, between panels, and under the lowest ones for their ticks. */
export const ROOM = { name: 16, gap: 8, ticks: 18 };

/** The smallest useful width and height of a panel, and the space under each panel. */
const LEAST = 8;
const UNDER = 4;

/** A panel is best about twice as wide as it is high. */
const ASPECT = 2;

/** The page that an index is on, from 1. */
export function pageOf(index: number, perPage: number): number {
  return Math.floor(index / perPage) + 1;
}

/**
 * Place the panels `first`..`first + count - 1` left to right, top to bottom. They are in `rows`
 * rows, or in as many as fit best, but never in more rows or columns than there is room for.
 */
export function layOut(
  first: number,
  count: number,
  width: number,
  height: number,
  rows: number | null,
): Panel[] {
  if (count < 1) {
    return [];
  }
  const most = Math.max(Math.floor((height - ROOM.ticks) / (ROOM.name + LEAST + UNDER)), 1);
  const down = Math.min(Math.max(rows ?? fittingRows(count, width, height), 1), count, most);
  const widest = Math.max(Math.floor((width + ROOM.gap) / (LEAST + ROOM.gap)), 1);
  const across = Math.min(Math.ceil(count / down), widest);
  const pitch = {
    x: (width + ROOM.gap) / across,
    y: (height - ROOM.ticks) / Math.ceil(count / across),
  };
  return Array.from({ length: count }, (_, i) => {
    const [row, column] = [Math.floor(i / across), i % across];
    const left = Math.round(column * pitch.x);
    const top = Math.round(row * pitch.y) + ROOM.name;
    return {
      index: first + i,
      left,
      top,
      width: Math.max(Math.round((column + 1) * pitch.x) - ROOM.gap - left, 1),
      height: Math.max(Math.round((row + 1) * pitch.y) - UNDER - top, 1),
      lowest: i + across >= count,
      first: column === 0,
    };
  });
}

/** Rows for panels of a good shape, with few places left empty. */
function fittingRows(count: number, width: number, height: number): number {
  const fitting = Math.round(Math.sqrt((count * width) / Math.max(height, 1) / ASPECT));
  const choices = [fitting, fitting + 1, fitting - 1].map((n) => Math.min(Math.max(n, 1), count));
  const empty = (across: number): number => Math.ceil(count / across) * across - count;
  const best = choices.reduce((a, b) => (empty(b) < empty(a) ? b : a));
  return Math.ceil(count / best);
}

/** The panel at a pixel, or null; its name above belongs to it. */
export function panelAt(panels: readonly Panel[], x: number, y: number): Panel | null {
  const inside = ({ left, top, width, height }: Panel): boolean =>
    x >= left && x < left + width && y >= top - ROOM.name && y < top + height;
  return panels.find(inside) ?? null;
}
