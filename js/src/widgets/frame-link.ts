import { WidgetModel } from '@jupyter-widgets/base';

import { MODULE_STATE } from '../version';
import { join, leave } from './meeting';
import { send } from './messages';
import type { SelectionModel } from './selection';

/**
 * A link between two frames, whose traits of some names follow one another in the page. It knows
 * the frames by their ids: it keeps none open, and a page may have one of them alone.
 *
 * Python has made them equal; from then on, changes are carried over.
 */
export class FrameLinkModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'FrameLinkModel',
      source_id: '',
      target_id: '',
      names: [],
    };
  }

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.frames = new Set();
    this.ids.forEach((id) => join(this.widget_manager, id, this));
  }

  override close(comm_closed?: boolean): Promise<void> {
    this.ids.forEach((id) => leave(this.widget_manager, id, this));
    this.untie();
    return super.close(comm_closed);
  }

  /** Take note that one of the frames is there. */
  meet(frame: WidgetModel): void {
    this.frames.add(frame);
    if (this.frames.size === 2) {
      const [one, other] = this.frames;
      this.tie(one, other);
    }
  }

  /** Take note that one of them is closed. */
  part(frame: WidgetModel): void {
    this.untie();
    this.frames.delete(frame);
  }

  private get ids(): string[] {
    return ['source_id', 'target_id'].map((name) => this.get(name) as string);
  }

  private tie(one: WidgetModel, other: WidgetModel): void {
    const names = this.get('names') as string[];
    for (const name of names) {
      this.listenTo(one, `change:${name}`, () => other.set(name, one.get(name)));
      this.listenTo(other, `change:${name}`, () => one.set(name, other.get(name)));
    }
    if (names.includes('norm')) {
      const pair = [one, other].map((frame) => frame.get('selection') as SelectionModel);
      pairs.set(this, pair);
      pair.forEach((selection) => {
        this.listenTo(selection, 'change:auto_limit', () => shareAutomaticRange(selection));
      });
      shareAutomaticRange(pair[0]);
    }
  }

  private untie(): void {
    this.frames.forEach((frame) => this.stopListening(frame));
    const pair = pairs.get(this) ?? [];
    pairs.delete(this);
    pair.forEach((selection) => {
      this.stopListening(selection);
      shareAutomaticRange(selection);
    });
  }

  declare private frames: Set<WidgetModel>;
}

/** The selections of frames that have one colour range. */
const pairs = new Map<FrameLinkModel, SelectionModel[]>();

/** All that a selection is linked to, by links of links too; and itself. */
function groupOf(start: SelectionModel): Set<SelectionModel> {
  const found = new Set([start]);
  // what is added while it is walked through is walked through too
  for (const selection of found) {
    for (const pair of pairs.values()) {
      if (pair.includes(selection)) {
        pair.forEach((each) => found.add(each));
      }
    }
  }
  return found;
}

/** Give all of a group the largest of their automatic ranges, so that their colours compare. */
function shareAutomaticRange(start: SelectionModel): void {
  const group = groupOf(start);
  const limit = Math.max(...[...group].map((each) => each.get('auto_limit') as number));
  for (const selection of group) {
    const before = selection.limit;
    selection.set('linked_limit', limit);
    if (selection.limit !== before) {
      send(selection);
    }
  }
}
