import type { WidgetModel } from '@jupyter-widgets/base';

import { nearestIndex } from '../data/run';
import { send } from './messages';
import type { SelectionModel } from './selection';
import type { TimelineModel } from './timeline';

/**
 * A trait of a frame that others can be linked to: the place where the page keeps it, and what of a
 * value that is asked for there is to be had.
 */
interface LinkedTrait {
  shown(frame: WidgetModel): unknown;
  /** What comes nearest to a wish; what is shown where it is no value of the trait. */
  nearest(frame: WidgetModel, wish: unknown): unknown;
  show(frame: WidgetModel, value: unknown): void;
  /** Events of the selection, or of the timeline, that may change it. */
  readonly selection?: string;
  readonly timeline?: string;
}

function selectionOf(frame: WidgetModel): SelectionModel {
  return frame.get('selection') as SelectionModel;
}

function timelineOf(frame: WidgetModel): TimelineModel | null {
  return frame.get('timeline') as TimelineModel | null;
}

function choose(frame: WidgetModel, attributes: Backbone.ObjectHash): void {
  const selection = selectionOf(frame);
  selection.set(attributes);
  send(selection);
}

function indexTrait(axis: 'sample' | 'channel'): LinkedTrait {
  return {
    shown: (frame) => selectionOf(frame).get(axis),
    nearest: (frame, wish) => {
      const selection = selectionOf(frame);
      const count = selection.plotArray?.[`${axis}s`] ?? Infinity;
      return Number.isInteger(wish)
        ? Math.min(Math.max(wish as number, 0), count - 1)
        : selection.get(axis);
    },
    show: (frame, value) => choose(frame, { [axis]: value }),
    selection: `change:${axis}`,
  };
}

function isRange(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((end) => Number.isFinite(end)) &&
    value[0] < value[1]
  );
}

/** The traits, by name; of a step, null is the latest one, which is followed. */
const TRAITS: Record<string, LinkedTrait> = {
  sample: indexTrait('sample'),
  channel: indexTrait('channel'),
  norm: {
    shown: (frame) => {
      const selection = selectionOf(frame);
      return (selection.get('auto') as boolean) ? 'auto' : selection.get('norm');
    },
    nearest: (frame, wish) => (wish === 'auto' || isRange(wish) ? wish : TRAITS.norm.shown(frame)),
    show: (frame, value) =>
      choose(frame, value === 'auto' ? { auto: true } : { norm: value, auto: false }),
    selection: 'change:norm change:auto',
  },
  reflect_half: {
    shown: (frame) => selectionOf(frame).reflect,
    nearest: (frame, wish) => wish === true && (frame.get('has_halves') as boolean),
    show: (frame, value) => choose(frame, { reflect_half: value }),
    selection: 'change:reflect_half',
  },
  step: {
    shown: (frame) => {
      const timeline = timelineOf(frame);
      return timeline === null || timeline.follow ? null : timeline.get('step');
    },
    nearest: (frame, wish) => {
      const snapshots = timelineOf(frame)?.snapshots ?? [];
      const isStep = Number.isInteger(wish) && snapshots.length > 0;
      const step = isStep ? snapshots[nearestIndex(snapshots, wish as number)].step : null;
      return isStep || wish === null ? step : TRAITS.step.shown(frame);
    },
    show: (frame, value) => {
      const timeline = timelineOf(frame);
      if (value === null) {
        timeline?.setFollow(true);
      } else {
        timeline?.showNearest(value as number);
      }
    },
    timeline: 'change:step change:follow',
  },
};

function isSame(one: unknown, other: unknown): boolean {
  return String(one) === String(other); // numbers, a word, a flag, null, or two numbers
}

/** What a frame has of them, by name. */
function traitsOf(frame: WidgetModel): [string, LinkedTrait][] {
  return Object.entries(TRAITS).filter(([name]) => name in frame.attributes);
}

/** Without the traits: a page is not told what follows from others. */
export function withoutTraits(state: Backbone.ObjectHash): Backbone.ObjectHash {
  return Object.fromEntries(Object.entries(state).filter(([name]) => !(name in TRAITS)));
}

/** Take the traits out of a state: neither Python nor a page that is saved is told them. */
export function forgetTraits(state: Backbone.ObjectHash): void {
  for (const name of Object.keys(TRAITS)) {
    delete state[name];
  }
}

/**
 * Let a frame's traits be what it shows, and show what they are set to.
 *
 * What cannot be had stays in the trait, and what comes nearest is shown: so of two explorers that
 * are linked, one with fewer samples does not move the other back.
 */
export function keepTraits(frame: WidgetModel): void {
  for (const [name, trait] of traitsOf(frame)) {
    const isShown = (): boolean =>
      isSame(trait.nearest(frame, frame.get(name)), trait.shown(frame));
    const follow = (): void => {
      if (!isShown()) {
        frame.set(name, trait.shown(frame));
      }
    };
    const begin = (): void => {
      // what another thing that is displayed has of its own is not what was chosen
      frame.set(name, trait.shown(frame), { silent: true });
    };
    begin();
    frame.on(`change:${name}`, () => {
      if (!isShown()) {
        trait.show(frame, trait.nearest(frame, frame.get(name)));
      }
    });
    if (trait.selection !== undefined && selectionOf(frame) !== null) {
      frame.listenTo(selectionOf(frame), trait.selection, follow);
    }
    const events = trait.timeline;
    if (events !== undefined) {
      const listen = (): void => {
        const timeline = timelineOf(frame);
        if (timeline !== null) {
          frame.listenTo(timeline, events, follow);
        }
      };
      listen();
      frame.on('change:timeline', () => {
        const before = frame.previous('timeline') as TimelineModel | null;
        if (before !== null) {
          frame.stopListening(before);
        }
        listen();
        begin();
      });
    }
  }
}
