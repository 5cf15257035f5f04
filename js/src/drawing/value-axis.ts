import type { WidgetModel } from '@jupyter-widgets/base';

import { ticks as labelsOf } from './format';
import { outerTick } from './ticks';

/** The ends of an axis. */
export type Limits = readonly [low: number, high: number];

/**
 * Let a value axis hold -limit .. limit, with room to spare, and label zero and a round value; or let it
 * hold the given limits and label them.
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
  // In this order: bqplot sets the text of ticks later, with the labels it had when it was told to.
  const labels = labelsOf(ticks);
  axis?.set('tick_labels', Object.fromEntries(ticks.map((v, i) => [String(v), labels[i]])));
  axis?.set('tick_values', Float64Array.from(ticks));
  scale.set({ min: low, max: high });
}
