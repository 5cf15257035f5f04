import type { WidgetModel } from '@jupyter-widgets/base';

import { ticks as labelsOf } from './format';
import { outerTick } from './ticks';

/** The ends of an axis. */
export type Limits = readonly [low: number, high: number];

/**
 * Fit a value axis. With one limit it is symmetric, with room to spare, and labels zero and a round
 * value; with two it begins and ends there, and labels both.
 *
 * Labels are set before values, here and wherever ticks have labels: bqplot writes the text of new
 * ticks later, with the labels that it had when it was told of them.
 */
export function fitValueAxis(
  scale: WidgetModel,
  axis: WidgetModel | null,
  limit: number | Limits,
): void {
  const symmetric = typeof limit === 'number' ? limit || 1 : 0;
  const outer = outerTick(symmetric || 1);
  const [low, high] = typeof limit === 'number' ? [-1.15 * symmetric, 1.15 * symmetric] : limit;
  const inner = low < 0 && high > 0 ? [0] : [];
  const ticks = typeof limit === 'number' ? [-outer, 0, outer] : [low, ...inner, high];
  const labels = labelsOf(ticks);
  axis?.set('tick_labels', Object.fromEntries(ticks.map((v, i) => [String(v), labels[i]])));
  axis?.set('tick_values', Float64Array.from(ticks));
  scale.set({ min: low, max: high });
}
