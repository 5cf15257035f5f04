import type { ISerializers } from '@jupyter-widgets/base';
import { WidgetModel } from '@jupyter-widgets/base';

import type { Reach } from '../data/statistics';
import { reachOf } from '../data/statistics';
import type { DenseArray } from '../data/wire';
import { fromWire, toWire } from '../data/wire';
import { MODULE_STATE } from '../version';
import { join, leave } from './meeting';
import { release } from './release';
import type { State } from './saved-arrays';
import { noteArray, stateToSave } from './saved-arrays';

/** The tensor of one training step. It joins its timeline as soon as both exist. */
export class SnapshotModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'SnapshotModel',
      _view_name: null,
      _view_module: null,
      _view_module_version: '',
      timeline_id: '',
      number: 0,
      step: 0,
      loss: null,
      array: null,
      auto_limit: 1,
      max_decade: 0,
      summary: '',
      status: '',
      status_step: null,
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    array: { deserialize: fromWire, serialize: toWire },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    noteArray(this);
    join(this.widget_manager, this.timelineId, this);
  }

  override get_state(dropDefaults?: boolean): State {
    return stateToSave(this, super.get_state(dropDefaults));
  }

  get runId(): string {
    return this.timelineId;
  }

  private get timelineId(): string {
    return this.get('timeline_id') as string;
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
  reach(mask: Float32Array | null): Reach {
    // The timeline may ask while the base class is constructed, before the field is initialised.
    this.measured ??= reachOf(this.array, mask);
    return this.measured;
  }

  override close(comm_closed?: boolean): Promise<void> {
    leave(this.widget_manager, this.timelineId, this);
    this.forget();
    return super.close(comm_closed);
  }

  /** Release the array. */
  forget(): void {
    release(this, 'array');
    this.measured = undefined;
  }

  private measured: Reach | undefined;
}
