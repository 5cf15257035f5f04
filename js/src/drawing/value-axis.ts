// Pure: axes of values.

import { ticks as labelsOf } from './format';
import type { Fit, Tick } from './ticks';
import { outerTick } from './ticks';

/** The ends of an axis. */
export type Limits = readonly [low: number, high: number];

/**
 * An axis of values. With one limit it is symmetric, with room to spare, and labels zero and a round
 * value; with two it begins and ends there, and labels both.
 */
export function valueAxis(limit: number | Limits): Fit {
  const symmetric = typeof limit === 'number' ? limit || 1 : 0;
  const outer = outerTick(symmetric || 1);
  const [low, high] = typeof limit === 'number' ? [-1.15 * symmetric, 1.15 * symmetric] : limit;
  const inner = low < 0 && high > 0 ? [0] : [];
  const places = typeof limit === 'number' ? [-outer, 0, outer] : [low, ...inner, high];
  const labels = labelsOf(places);
  return { min: low, max: high, ticks: places.map((at, i): Tick => [at, labels[i]]) };
}
