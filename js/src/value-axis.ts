import type { WidgetModel } from '@jupyter-widgets/base';

import { tick } from './format';
import { outerTick } from './ticks';

/** Let a value axis hold -limit .. limit, with room to spare, and label zero and a round value. */
export function fitValueAxis(scale: WidgetModel, axis: WidgetModel | null, limit: number): void {
  const outer = outerTick(limit);
  const ticks = [-outer, 0, outer];
  // In this order: bqplot sets the text of ticks later, with the labels it had when it was told to.
  axis?.set('tick_labels', Object.fromEntries(ticks.map((v) => [String(v), tick(v)])));
  axis?.set('tick_values', Float64Array.from(ticks));
  scale.set({ min: -1.15 * limit, max: 1.15 * limit });
}
