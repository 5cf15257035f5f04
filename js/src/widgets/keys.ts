import type { Point } from '../data/slicing';
import type { SelectionModel } from './selection';

/** What the keys do in a plot, for screen readers. */
export const KEYS_HELP =
  'left and right arrows move the timestep, up and down the channel, with Shift by ten; ' +
  'Page Up and Page Down, or square brackets, the sample; plus and minus the range of timesteps, 0 shows all; ' +
  'Escape leaves';

/** The keys and what they do, and what the mouse does, for the list of them. */
export const KEYS_LIST: readonly (readonly [keys: string, what: string])[] = [
  ['← →', 'timestep; with Shift by ten'],
  ['↑ ↓', 'channel; with Shift by ten'],
  ['Page Up, Page Down', 'sample; [ and ] too'],
  ['+ − 0', 'a part of the time axis, more of it, all'],
  ['Space, ← →', 'at the training step: play, one snapshot on or back'],
  ['Esc', 'back to the cell'],
  ['click', 'in a map: the channel; at a line or panel: the sample'],
  ['drag, double-click', 'along time: a part of it, all'],
  ['?', 'this list'],
];

/** Attribute that names the keys that an element takes. All others belong to the application. */
export const KEYS = 'data-rnngrad-keys';

export const HELP_KEY = '?';

export const PLOT_KEYS = 'ArrowLeft ArrowRight ArrowDown ArrowUp PageUp PageDown [ ] + - 0';

/** Characters that some keyboards make with AltGr or Option. */
const COMPOSED = '[]+-';

const SLIDER = 'ArrowLeft ArrowRight ArrowDown ArrowUp Home End PageUp PageDown'.split(' ');

type Pressed = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey'>;

/** The key, or the character that it makes; null where a modifier makes it the application's. */
export function keyOf({ key, ctrlKey, altKey, metaKey }: Pressed): string | null {
  if (!ctrlKey && !altKey && !metaKey) {
    return key;
  }
  // AltGr comes as Control with Alt on Windows, Option as Alt
  return altKey && !metaKey && COMPOSED.includes(key) ? key : null;
}

/** Whether a control or a plot takes a key. If so, the application must not act on it. */
export function takes(target: Element, event: Pressed): boolean {
  const key = keyOf(event);
  if (key === null) {
    return false;
  }
  const named = target.getAttribute(KEYS);
  if (named?.split(' ').includes(key === ' ' ? 'Space' : key)) {
    return true;
  }
  if (target.matches('.noUi-handle, input[type="range"]')) {
    return SLIDER.includes(key);
  }
  if (target.matches('select')) {
    return SLIDER.includes(key) || key === 'Enter' || key.length === 1;
  }
  if (target.matches('button, input[type="checkbox"]')) {
    return key === ' ' || (key === 'Enter' && !event.shiftKey);
  }
  return target.matches('input, textarea, [contenteditable]') && key !== 'Escape';
}

/**
 * Whether a key that nothing takes is a command on the notebook's cells: a letter that slips could
 * delete the cell that is looked at. Other shortcuts have a modifier, or are not characters.
 */
export function changesCells(event: Pressed): boolean {
  const key = keyOf(event) ?? '';
  return key.length === 1 || SLIDER.includes(key);
}

/**
 * Act on a key in a plot. Arrows move timestep and channel, with Shift by ten; brackets and page
 * keys move the sample; plus, minus and 0 zoom the time axis around the chosen timestep.
 */
export function pressKey(selection: SelectionModel, event: KeyboardEvent): void {
  const { timestep, channel, sample } = selection.point;
  const by = event.shiftKey ? 10 : 1;
  const moves: Record<string, Partial<Point>> = {
    ArrowLeft: { timestep: timestep - by },
    ArrowRight: { timestep: timestep + by },
    ArrowDown: { channel: channel - by },
    ArrowUp: { channel: channel + by },
    PageUp: { sample: sample - 1 },
    PageDown: { sample: sample + 1 },
    '[': { sample: sample - 1 },
    ']': { sample: sample + 1 },
  };
  const key = keyOf(event) ?? '';
  const move = moves[key];
  const factor = { '+': 0.5, '-': 2, '0': Infinity }[key];
  if ((move ?? factor) === undefined) {
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

/** Show a range of timesteps that is `factor` times as long. */
function zoomBy(selection: SelectionModel, factor: number): void {
  const [first, last] = selection.timeRange;
  const { timestep } = selection.point;
  const around = (place: number): number => timestep + (place - timestep) * factor;
  selection.zoom(
    factor === Infinity ? null : [around(first - 0.5) + 0.5, around(last + 0.5) - 0.5],
  );
}
