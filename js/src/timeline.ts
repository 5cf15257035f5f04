import { DOMWidgetModel, unpack_models, WidgetModel } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';

import type { SelectionModel } from './selection';
import { asCube, largestMagnitude } from './slicing';
import { normsOverChannels, quartiles } from './statistics';
import { isKept, strideFor } from './thinning';
import { MODULE_STATE } from './version';
import { fromWire, toWire } from './wire';
import type { DenseArray } from './wire';

/** The tensor of one training step. It joins its timeline as soon as it is there. */
export class SnapshotModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'SnapshotModel',
      _view_name: null,
      _view_module: null,
      _view_module_version: '',
      timeline: null,
      number: 0,
      step: 0,
      loss: null,
      array: null,
      auto_limit: 1,
      top: 0,
      summary: '',
      status: '',
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    timeline: { deserialize: unpack_models },
    array: { deserialize: fromWire, serialize: toWire },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    (this.get('timeline') as TimelineModel | null)?.join(this);
  }

  get number(): number {
    return this.get('number') as number;
  }

  get step(): number {
    return this.get('step') as number;
  }

  get loss(): number {
    return (this.get('loss') as number | null) ?? NaN;
  }

  get array(): DenseArray | null {
    return this.get('array') as DenseArray | null;
  }

  /** Median over samples of the norm over channels, by timestep; and the largest norm of all. */
  reach(mask: Float32Array | null): Measure {
    // not yet initialised when the snapshot joins: it does so in the constructor of its base
    this.measured ??= measure(this.array, mask);
    return this.measured;
  }

  /** JupyterLab may keep a closed model alive: let at least its memory go. */
  override close(comm_closed?: boolean): Promise<void> {
    (this.get('timeline') as TimelineModel | null)?.leave(this);
    this.forget();
    return super.close(comm_closed);
  }

  forget(): void {
    this.set('array', null, { silent: true });
    this.measured = undefined;
  }

  private measured: Measure | undefined;
}

interface Measure {
  readonly median: Float64Array;
  readonly largest: number;
}

function measure(array: DenseArray | null, mask: Float32Array | null): Measure {
  if (array === null) {
    return { median: new Float64Array(1), largest: 0 };
  }
  const cube = asCube(array.values, array.shape);
  const norms = normsOverChannels(cube, 0, cube.channels, false, mask);
  return { median: quartiles(norms).median, largest: norms.largest };
}

/**
 * The snapshots of a run, and which one is shown: its array becomes that of the selection's tensor, so
 * that every view draws it. `grown` is told when snapshots come or go, `turned` when another is shown.
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
      show: 0,
      status: '',
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
    summary: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.on('change:step', this.turn, this);
    this.on('change:show', this.turn, this);
    this.on('change:pin', this.pinChanged, this);
    this.on('change:follow', () => this.follow && this.goTo(this.kept.length - 1));
    this.on('change:capacity', this.thin, this);
  }

  /** Those that are kept, in the order of the run. */
  get snapshots(): readonly SnapshotModel[] {
    return this.kept;
  }

  get shown(): SnapshotModel | null {
    return this.kept[this.index] ?? null;
  }

  get selection(): SelectionModel {
    return this.get('selection') as SelectionModel;
  }

  join(snapshot: SnapshotModel): void {
    const at = this.kept.findIndex((other) => other.number >= snapshot.number);
    if (this.kept[at]?.number === snapshot.number) {
      return;
    }
    this.kept.splice(at < 0 ? this.kept.length : at, 0, snapshot);
    this.thin();
    const latest = at < 0;
    if (latest) {
      this.set('status', snapshot.get('status'));
    }
    if (this.get('step') === null || (latest && this.follow)) {
      this.goTo(this.kept.length - 1);
    } else if (snapshot.step === this.get('step')) {
      this.turn(); // after a reload: the one that was shown
    }
    this.trigger('grown');
  }

  leave(snapshot: SnapshotModel): void {
    const at = this.kept.indexOf(snapshot);
    if (at >= 0) {
      this.kept.splice(at, 1);
      this.trigger('grown');
    }
  }

  /** Show the snapshot at a place among those that are kept. */
  goTo(index: number): void {
    const found = this.kept[Math.min(Math.max(index, 0), this.kept.length - 1)];
    if (found !== undefined) {
      this.set('step', found.step);
      this.save_changes();
    }
  }

  /** Show the snapshot at a place, as a person chose it: the latest is followed no longer. */
  scrub(index: number): void {
    this.set('follow', index >= this.kept.length - 1 && this.follow);
    this.goTo(index);
  }

  move(by: number): void {
    this.scrub(this.index + by);
  }

  setFollow(follow: boolean): void {
    this.set('follow', follow);
    this.save_changes();
  }

  setPin(pin: boolean): void {
    this.set('pin', pin);
  }

  setShow(show: number): void {
    this.set('show', show);
    this.save_changes();
  }

  /** Show the snapshot that is nearest to a training step. */
  goNear(step: number): void {
    let best = 0;
    this.kept.forEach((snapshot, i) => {
      if (Math.abs(snapshot.step - step) < Math.abs(this.kept[best].step - step)) {
        best = i;
      }
    });
    this.scrub(best);
  }

  /** The place of the step that is shown: of the nearest one before it where it is not kept any more. */
  get index(): number {
    const step = this.get('step') as number | null;
    let at = -1;
    this.kept.forEach((snapshot, i) => {
      at = step !== null && snapshot.step <= step ? i : at;
    });
    return step === null ? -1 : Math.max(at, 0);
  }

  private get follow(): boolean {
    return this.get('follow') as boolean;
  }

  private thin(): void {
    const last = this.kept[this.kept.length - 1]?.number ?? 0;
    const stride = strideFor(last, this.get('capacity') as number);
    const gone = this.kept.filter(({ number }) => !isKept(number, stride, last));
    if (gone.length > 0) {
      this.kept = this.kept.filter((snapshot) => !gone.includes(snapshot));
      // the message that closes a snapshot may be lost: its memory goes now
      gone.forEach((snapshot) => snapshot.forget());
    }
  }

  private pinChanged(): void {
    const pin = this.get('pin') as boolean;
    this.set({ pinned: pin ? (this.shown?.step ?? null) : null, ...(pin ? {} : { show: 0 }) });
    this.save_changes();
    this.trigger('turned');
  }

  private get pinnedSnapshot(): SnapshotModel | null {
    const step = this.get('pinned') as number | null;
    return this.kept.find((snapshot) => snapshot.step === step) ?? null;
  }

  private turn(): void {
    const { shown, pinnedSnapshot: pinned } = this;
    if (shown === null) {
      return;
    }
    const show = pinned === null ? 0 : (this.get('show') as number);
    const source = show === 1 && pinned !== null ? pinned : shown;
    const array = show === 2 && pinned !== null ? difference(shown.array, pinned.array) : source.array;
    if (array === null) {
      return;
    }
    const { selection } = this;
    const differs = show === 2 && pinned !== null;
    const own = source.get('auto_limit') as number;
    const limit = differs ? largestMagnitude(array.values) || own : own;
    selection.set({ auto_limit: limit, top: source.get('top') });
    if (selection.get('auto') as boolean) {
      selection.set('norm', [-limit, limit]);
    }
    const compared = differs ? `, step ${shown.step} minus step ${pinned.step}` : '';
    selection.tensor.set({ array, compared });
    (this.get('summary') as WidgetModel).set('value', source.get('summary'));
    this.trigger('turned');
  }

  private kept: SnapshotModel[] = [];
}

/** The chosen step minus the pinned one. */
function difference(a: DenseArray | null, b: DenseArray | null): DenseArray | null {
  if (a === null || b === null || a.values.length !== b.values.length) {
    return a;
  }
  return { values: a.values.map((value, i) => value - b.values[i]), shape: a.shape };
}
