import type { Point, SelectionModel } from './selection';

/** What the keys do in a plot, for those who cannot see it. */
export const KEYS_HELP =
  'plot: left and right arrows move the timestep, up and down the channel, with Shift by ten; ' +
  'square brackets the sample; plus and minus the range of timesteps, 0 shows all';

/**
 * Arrows: timestep and channel, with Shift ten at a time; brackets: sample; plus, minus and 0: the range
 * of timesteps, round the chosen one.
 */
export function pressKey(selection: SelectionModel, event: KeyboardEvent): void {
  const { sample, timestep, channel } = selection.point;
  const by = event.shiftKey ? 10 : 1;
  const moves: Record<string, Partial<Point>> = {
    ArrowLeft: { timestep: timestep - by },
    ArrowRight: { timestep: timestep + by },
    ArrowDown: { channel: channel - by },
    ArrowUp: { channel: channel + by },
    '[': { sample: sample - 1 },
    ']': { sample: sample + 1 },
  };
  const move = moves[event.key];
  const factor = { '+': 0.5, '-': 2, '0': Infinity }[event.key];
  if ((move ?? factor) === undefined || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  if (move !== undefined) {
    selection.hover(null, null);
    selection.choose(move);
  } else if (factor !== undefined) {
    zoomBy(selection, factor);
  }
}

/** Show a range so many times as long. */
function zoomBy(selection: SelectionModel, factor: number): void {
  const [first, last] = selection.timeRange;
  const { timestep } = selection.point;
  const around = (place: number): number => timestep + (place - timestep) * factor;
  selection.zoom(factor === Infinity ? null : [around(first - 0.5) + 0.5, around(last + 0.5) - 0.5]);
}
