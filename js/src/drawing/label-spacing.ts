// Pure: labels in the margin.

/** Labels are at least this far apart. */
export const LABEL_GAP = 14;

/** Move labels apart, in the order of their places, within [low, high]. */
export function spaceLabels(places: number[], low: number, high: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const moved = places.map((y) => Math.min(Math.max(y, low), high));
  order.forEach((at, rank) => {
    if (rank > 0) {
      moved[at] = Math.max(moved[at], moved[order[rank - 1]] + LABEL_GAP);
    }
  });
  // labels that were pushed below `high` move up again
  let limit = high;
  for (const at of [...order].reverse()) {
    moved[at] = Math.min(moved[at], limit);
    limit = moved[at] - LABEL_GAP;
  }
  return moved;
}
