// Pure: the logarithmic axis of a gradient flow, fitted to its norms.

import type { Tick } from './ticks';

/** Decades above the largest norm and below the smallest one that stay free. */
const MARGIN = 0.4;
/** Fewest decades that the axis has. */
const FEWEST = 2;
/** The threshold is near where the smallest norm is at most so many decades above it. */
const NEAR = 1;

export interface FlowAxis {
  readonly min: number;
  readonly max: number;
  readonly ticks: Tick[];
  /** Whether the threshold lies on it. */
  readonly hasThreshold: boolean;
}

/**
 * Fit an axis in decades to norms. The threshold is on it only where the norms come near it; what is
 * far below the threshold is cut off.
 *
 * @param largest - of all norms that share the axis; 0 where there is none
 * @param smallest - of those that are not 0
 * @param threshold - share of the largest norm
 * @param most - ticks at most
 */
export function flowAxis(
  largest: number,
  smallest: number,
  threshold: number,
  most: number,
): FlowAxis {
  const max = largest > 0 ? Math.log10(largest) + MARGIN : 0;
  const low = largest > 0 ? Math.log10(smallest) : max;
  const place = max - MARGIN + Math.log10(threshold);
  const hasThreshold = largest > 0 && low - NEAR < place;
  const fitted = hasThreshold ? Math.min(low, place - 2 * MARGIN) : low - MARGIN;
  const deepest = place - 2 - MARGIN;
  const min = Math.min(Math.max(fitted, deepest), max - FEWEST);
  return { min, max, ticks: decades(min, max, most), hasThreshold };
}

/** Every decade, or every second, third and so on, so that there are not too many. */
function decades(min: number, max: number, most: number): Tick[] {
  const first = Math.floor(max);
  const count = first - Math.ceil(min) + 1;
  const step = Math.ceil(count / most);
  return Array.from({ length: Math.ceil(count / step) }, (_, i): Tick => {
    const decade = first - i * step;
    return [decade, `1e${decade}`];
  });
}
