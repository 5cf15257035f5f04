import type { ISerializers, WidgetModel } from '@jupyter-widgets/base';
import { DOMWidgetModel, unpack_models } from '@jupyter-widgets/base';

import { autoLimit } from '../data/auto-limit';
import type { ComparedSteps } from '../data/difference';
import { difference } from '../data/difference';
import type { Change } from '../data/run';
import { nearestIndex, shownIndex, thinned, withSnapshot } from '../data/run';
import type { DenseArray } from '../data/wire';
import { MODULE_STATE } from '../version';
import { fetchArrays } from './arrays';
import { close, open } from './meeting';
import { send, taking } from './messages';
import { MissingArrays } from './missing-arrays';
import { leftOut } from './saved-arrays';
import type { SelectionModel } from './selection';
import type { SnapshotModel } from './snapshot';
import type { RunStatus } from './text';

/** Values of the trait `show`: what is drawn while a step is pinned, which the page calls A. */
export const SHOW = { step: 0, pinned: 1, difference: 2 } as const;

/** What the selection has of a timeline. */
interface Drawn {
  readonly array: DenseArray;
  readonly range: { readonly auto_limit: number; readonly max_decade: number };
  readonly summary: string;
}

/**
 * The snapshots of a run, and which one is shown: its array becomes that of the selection's tensor,
 * so that every view draws it.
 *
 * The event `snapshots` is triggered when snapshots come or go, `shown` when another one is shown.
 */
export class TimelineModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'TimelineModel',
      _view_name: 'TimelineControls',
      selection: null,
      summary: null,
      capacity: 1,
      step: null,
      follow: true,
      pinned: null,
      pin: false,
      show: SHOW.step,
      absolute: false,
      status: '',
      status_step: null,
      status_number: 0,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
    summary: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.kept = [];
    this.notSaved = { count: 0, bytes: 0 };
    this.arrays = new MissingArrays(
      (ids, take) => fetchArrays(this.widget_manager, ids, take),
      () => this.toLoad(),
      (snapshot) => this.arrayCame(snapshot),
    );
    this.on('change:step', this.showChosen, this);
    this.on('change:show', this.showChosen, this);
    this.on('change:pin', this.pinChanged, this);
    this.on('change:follow', this.showChosen, this);
    this.on('change:capacity', this.thin, this);
    this.listenTo(this.selection, 'change:auto_limit', this.keepDrawn);
    this.listenTo(this.get('summary') as WidgetModel, 'change:value', this.keepDrawn);
    open(this.widget_manager, this.model_id, this);
  }

  override set_state(state: Backbone.ObjectHash): void {
    taking(() => super.set_state(state));
  }

  override close(comm_closed?: boolean): Promise<void> {
    close(this.widget_manager, this.model_id);
    return super.close(comm_closed);
  }

  /** The snapshots that are kept, in the order of the run. */
  get snapshots(): readonly SnapshotModel[] {
    return this.kept;
  }

  get shown(): SnapshotModel | null {
    return this.kept[this.index] ?? null;
  }

  /** How far the run is, in the latest words: of the last snapshot, or what Python said later. */
  get status(): RunStatus {
    const latest = this.kept[this.kept.length - 1] as SnapshotModel | undefined;
    const said = this.get('status_number') as number;
    return statusOf(latest !== undefined && latest.number >= said ? latest : this);
  }

  get selection(): SelectionModel {
    return this.get('selection') as SelectionModel;
  }

  /** Take snapshots in. */
  join(snapshots: readonly SnapshotModel[]): void {
    const before = this.shown;
    for (const snapshot of snapshots) {
      const bytes = leftOut(snapshot);
      if (bytes > 0) {
        const { count, bytes: total } = this.notSaved;
        this.notSaved = { count: count + 1, bytes: total + bytes };
      } else {
        this.keep(withSnapshot(this.kept, snapshot));
        this.listenTo(snapshot, 'change:told', () => this.toldAgain(snapshot));
      }
    }
    this.thin();
    if (this.shown !== before) {
      this.showChosen();
    }
    this.trigger('snapshots');
    void this.arrays.load();
  }

  /** Show what is told of a snapshot with another threshold or levels, if it is shown. */
  private toldAgain(snapshot: SnapshotModel): void {
    if (snapshot === this.shown || snapshot === this.pinnedSnapshot) {
      this.showChosen();
    }
  }

  private arrayCame(snapshot: SnapshotModel): void {
    if (snapshot === this.shown || snapshot === this.pinnedSnapshot) {
      this.showChosen();
    }
    this.trigger('snapshots');
  }

  /** Snapshots whose arrays are needed: first the shown one and A, then from the latest. */
  private toLoad(): SnapshotModel[] {
    const wanted = [this.shown, this.pinnedSnapshot, ...[...this.kept].reverse()];
    const missing = wanted.filter((each) => each?.isMissing === true) as SnapshotModel[];
    return [...new Set(missing)];
  }

  /** Let a snapshot go that Python has closed. */
  leave(snapshot: SnapshotModel): void {
    if (this.kept.includes(snapshot)) {
      this.kept = this.kept.filter((other) => other !== snapshot);
      this.snapToKept();
      this.trigger('snapshots');
    }
  }

  /** Show the snapshot at an index that a person chose. Following goes on only at the latest. */
  scrub(index: number): void {
    const last = this.kept.length - 1;
    const found = this.kept[Math.min(Math.max(index, 0), last)];
    if (found !== undefined) {
      this.set({ step: found.step, follow: this.follow && index >= last });
      send(this);
    }
  }

  /** Show the snapshot that is so many places later; earlier if negative. */
  moveBy(by: number): void {
    this.scrub(this.index + by);
  }

  /** Follow the latest snapshot, or stay at the one that is shown. */
  setFollow(follow: boolean): void {
    this.set({ follow, ...(follow ? {} : { step: this.shown?.step ?? null }) });
    send(this);
  }

  /** Pin the step that is shown, or forget the pinned one. */
  setPin(pin: boolean): void {
    this.set('pin', pin);
  }

  /** Draw the chosen step, the pinned one, or their difference: one of `SHOW`. */
  setShow(show: number): void {
    this.set('show', show);
    save(this);
  }

  /** Let the colours of the map be of the whole run, or of each step. */
  setAbsolute(absolute: boolean): void {
    this.set('absolute', absolute);
    save(this);
  }

  /** Show the snapshot that is nearest to a training step. */
  showNearest(step: number): void {
    this.scrub(nearestIndex(this.kept, step));
  }

  /** Index of the snapshot that is shown; -1 where there is none. */
  get index(): number {
    return shownIndex(this.kept, this.get('step') as number | null, this.follow);
  }

  /** Whether the latest snapshot is shown, whichever that is. */
  get follow(): boolean {
    return this.get('follow') as boolean;
  }

  private thin(): void {
    const change = thinned(this.kept, this.get('capacity') as number);
    if (change.gone.length > 0) {
      this.keep(change);
      this.snapToKept();
    }
  }

  /** Release those that are gone now: the message that closes a snapshot may be lost. */
  private keep({ kept, gone }: Change<SnapshotModel>): void {
    this.kept = kept;
    gone.forEach((snapshot) => snapshot.forget());
  }

  /** Move the step that is shown, and the pinned one, to the nearest that is kept. */
  private snapToKept(): void {
    for (const name of ['pinned', 'step']) {
      const step = this.get(name) as number | null;
      if (step !== null && this.kept.length > 0) {
        this.set(name, this.kept[nearestIndex(this.kept, step)].step);
      }
    }
    this.showChosen();
    save(this);
  }

  private pinChanged(): void {
    const pin = this.get('pin') as boolean;
    this.set({
      pinned: pin ? (this.shown?.step ?? null) : null,
      ...(pin ? {} : { show: SHOW.step }),
    });
    save(this);
    this.trigger('shown');
  }

  private get pinnedSnapshot(): SnapshotModel | null {
    const step = this.get('pinned') as number | null;
    return this.kept.find((snapshot) => snapshot.step === step) ?? null;
  }

  /** Let every view draw the chosen snapshot, or its comparison with the pinned one. */
  showChosen(): void {
    const { shown, pinnedSnapshot: pinned } = this;
    const show = pinned === null ? SHOW.step : (this.get('show') as number);
    const source = show === SHOW.pinned ? pinned : shown;
    const base = show === SHOW.difference ? pinned : null;
    const array = difference(source?.array ?? null, base?.array ?? null);
    if (source === null || array === null) {
      void this.arrays.load();
      return;
    }
    const own = source.get('auto_limit') as number;
    // a difference has no range from Python; of one that is zero the step's own is as good as any
    const limit = base === null ? own : (autoLimit(array.values) ?? own);
    const { selection } = this;
    const steps: ComparedSteps | null =
      show === SHOW.step ? null : [source.step, base?.step ?? null];
    this.drawn = {
      array,
      range: { auto_limit: limit, max_decade: source.get('max_decade') as number },
      summary: source.get('summary') as string,
    };
    // two steps may be told of, not what is between them
    const told = base === null ? (source.get('told') as object) : null;
    selection.together(() => {
      selection.tensor.set({ array, compared_steps: steps, told });
      this.fitRange();
    });
    const summary = this.get('summary') as WidgetModel;
    summary.set('value', this.drawn.summary);
    // so that Python knows the automatic range, and which summary its next one replaces
    save(selection);
    save(summary);
    this.trigger('shown');
  }

  /** Let the colours have the range of what is drawn, unless another one was chosen. */
  private fitRange(): void {
    const { drawn, selection } = this;
    if (drawn !== undefined) {
      selection.set(drawn.range);
    }
  }

  /**
   * Keep the range and the summary of what is drawn when a message says others: they are of what
   * another page draws, or of what was drawn here before, if the message waited for a cell.
   */
  private keepDrawn(): void {
    const { drawn, selection } = this;
    if (drawn !== undefined && selection.tensor.get('array') === drawn.array) {
      if (selection.get('auto_limit') !== drawn.range.auto_limit) {
        this.fitRange();
      }
      const summary = this.get('summary') as WidgetModel;
      // only where it differs: ipywidgets draws nothing of a change in which the model is set again
      if (summary.get('value') !== drawn.summary) {
        summary.set('value', drawn.summary);
      }
    }
  }

  /** Take the comparison out of the captions, when the timeline leaves the page. */
  clearComparison(): void {
    this.selection.tensor.set('compared_steps', null);
  }

  // Snapshots may have joined before the initialisers of fields run.
  declare private kept: readonly SnapshotModel[];
  declare private arrays: MissingArrays;
  /** What the selection has of this timeline. */
  declare private drawn: Drawn | undefined;
  /** Snapshots that were left out when the notebook was saved. */
  declare notSaved: { readonly count: number; readonly bytes: number };
}

/** The status of a timeline, or what a snapshot says of it. */
function statusOf(model: WidgetModel): RunStatus {
  return { text: model.get('status') as string, step: model.get('status_step') as number | null };
}

/** Send changes to Python, unless the widget is being closed or there is no kernel. */
function save(model: WidgetModel): void {
  if (model.comm !== undefined) {
    model.save_changes();
  }
}
