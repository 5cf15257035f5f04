import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, unpack_models } from '@jupyter-widgets/base';

import type { MatchedBy } from '../data/matching';
import { matched } from '../data/matching';
import type { Step } from '../data/run';
import { nearestIndex, shownIndex } from '../data/run';
import { MODULE_STATE } from '../version';
import type { SnapshotModel } from './snapshot';
import type { TimelineModel } from './timeline';

/** Values of the trait `matched_by`. */
export const MATCHED_BY: readonly MatchedBy[] = ['step', 'loss'];

/**
 * One training step for several runs: it sets the step of each timeline, which lets its run's
 * tensor have the array of that step.
 *
 * The events `snapshots` and `shown` are those of a timeline.
 */
export class SharedTimelineModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'SharedTimelineModel',
      _view_name: 'SharedTimelineControls',
      timelines: [],
      names: [],
      groups: [],
      base: 0,
      matched_by: 0,
      step: null,
      follow: true,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    timelines: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.listened = [];
    this.on('change:timelines', this.listen, this);
    this.on('change:step change:follow change:matched_by change:base', this.showChosen, this);
    this.listen();
  }

  get timelines(): readonly TimelineModel[] {
    return this.get('timelines') as readonly TimelineModel[];
  }

  /** For each timeline its name, and the index of its condition. */
  get runs(): readonly { timeline: TimelineModel; name: string; group: number }[] {
    const names = this.get('names') as string[];
    const groups = this.get('groups') as number[];
    return this.timelines.map((timeline, i) => ({
      timeline,
      name: names[i] ?? '',
      group: groups[i] ?? 0,
    }));
  }

  /** The steps that there are, rising. */
  get snapshots(): readonly Step[] {
    const all = this.timelines.flatMap(({ snapshots }) => snapshots.map(({ step }) => step));
    return [...new Set(all)].sort((a, b) => a - b).map((step) => ({ step }));
  }

  /** The step that is shown: the latest one, or the one that was chosen. */
  get shown(): Step | null {
    const { index, snapshots } = this;
    return snapshots[index] ?? null;
  }

  get index(): number {
    return shownIndex(this.snapshots, this.get('step') as number | null, this.follow);
  }

  get follow(): boolean {
    return this.get('follow') as boolean;
  }

  get matchedBy(): MatchedBy {
    return MATCHED_BY[this.get('matched_by') as number];
  }

  /** Show the step at an index that a person chose. Following goes on only at the latest. */
  scrub(index: number): void {
    const { snapshots } = this;
    const last = snapshots.length - 1;
    const found = snapshots[Math.min(Math.max(index, 0), last)] as Step | undefined;
    if (found !== undefined) {
      this.set({ step: found.step, follow: this.follow && index >= last });
      this.saveChoice();
    }
  }

  /** Show the step that is so many places later; earlier if negative. */
  moveBy(by: number): void {
    this.scrub(this.index + by);
  }

  /** Show the step that is nearest to a number. */
  showNearest(step: number): void {
    this.scrub(nearestIndex(this.snapshots, step));
  }

  /** Follow the latest snapshots, or stay at the step that is shown. */
  setFollow(follow: boolean): void {
    this.set({ follow, ...(follow ? {} : { step: this.shown?.step ?? null }) });
    this.saveChoice();
  }

  /** Choose what stands beside each other. */
  setMatchedBy(index: number): void {
    this.set('matched_by', index);
    this.saveChoice();
  }

  /** Let each run show the snapshot that belongs to the step. */
  showChosen(): void {
    const { follow, matchedBy, shown, timelines } = this;
    if (follow && matchedBy === 'step') {
      timelines.forEach((timeline) => timeline.set({ follow }));
    } else {
      const runs = timelines.map(({ snapshots }) => snapshots);
      const step = follow ? Infinity : (shown?.step ?? 0);
      matched(runs, this.get('base') as number, step, matchedBy).forEach((place, i) => {
        const found = runs[i][place] as SnapshotModel | undefined;
        timelines[i].set({ follow: false, step: found?.step ?? null });
      });
    }
    this.trigger('shown');
  }

  /** How far each run is, in words. */
  get statuses(): readonly { name: string; group: number; text: string }[] {
    return this.runs.map(({ timeline, name, group }) => ({
      name,
      group,
      text: timeline.status.text,
    }));
  }

  private listen(): void {
    this.listened.forEach((timeline) => this.stopListening(timeline));
    this.listened = this.timelines;
    for (const timeline of this.listened) {
      this.listenTo(timeline, 'snapshots', this.snapshotsCame);
      this.listenTo(timeline, 'change:status', () => this.trigger('snapshots'));
    }
    this.snapshotsCame();
  }

  private snapshotsCame(): void {
    this.showChosen(); // by loss, another one may be the nearest now
    this.trigger('snapshots');
  }

  private saveChoice(): void {
    if (this.comm !== undefined) {
      this.save_changes();
    }
  }

  declare private listened: readonly TimelineModel[];
}
