import { short } from './format';
import type { Fit, Tick } from './ticks';
import { roundTicks } from './ticks';

/**
 * Fit an axis of counts to 0 .. `most`. Its upper end is a round number, so that it seldom moves.
 *
 * @param log - the axis shows log10 of counts, and begins at half a count
 * @param parts - about how many steps the ticks divide the axis into
 */
export function countRange(most: number, log: boolean, parts = 5): Fit {
  if (log) {
    const max = Math.log10(2 * most);
    const ticks = roundTicks(0, max, parts, 1).map((at): Tick => [at, short(10 ** at)]);
    return { min: Math.log10(0.5), max, ticks };
  }
  const round = roundTicks(0, 1.05 * most, parts, 1);
  const ticks = round.length > 1 ? round : [0, most];
  const step = ticks[1] / 2;
  const max = Math.ceil((1.05 * most) / step) * step;
  return { min: 0, max, ticks: ticks.map((at) => [at, short(at)]) };
}
