import type { ISerializers } from '@jupyter-widgets/base';
import { WidgetModel } from '@jupyter-widgets/base';

import type { StepNorms } from '../data/statistics';
import { stepNormsOf } from '../data/statistics';
import type { DenseArray, Wire } from '../data/wire';
import { fromWire, toWire } from '../data/wire';
import { MODULE_STATE } from '../version';
import { join, leave } from './meeting';
import { release } from './release';
import type { State } from './saved-arrays';
import { noteArray, stateToSave } from './saved-arrays';

/**
 * The tensor of one training step. It joins its timeline as soon as both exist.
 *
 * A page that is loaded again gets it without its array, which is then asked for.
 */
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
      told: {},
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

  /** Whether the array is still in the kernel. */
  get isMissing(): boolean {
    return this.array === null && this.forgotten !== true && this.comm_live;
  }

  /** Take the array that was missing. */
  fill(wire: Wire): void {
    if (this.isMissing) {
      this.set('array', fromWire(wire));
    }
  }

  /** How strong the gradient is at every timestep, of all channels or of either half. */
  norms(mask: Float32Array | null, sections: 1 | 2): StepNorms {
    const { array } = this;
    if (this.measured?.array !== array || !this.measured.key.every(same([mask, sections]))) {
      this.measured = { array, key: [mask, sections], norms: stepNormsOf(array, mask, sections) };
    }
    return this.measured.norms;
  }

  override close(comm_closed?: boolean): Promise<void> {
    leave(this.widget_manager, this.timelineId, this);
    this.forget();
    return super.close(comm_closed);
  }

  /** Release the array. */
  forget(): void {
    this.forgotten = true;
    release(this, 'array');
    this.measured = undefined;
  }

  // The timeline may ask while the base class is constructed, before fields are initialised.
  declare private forgotten: boolean | undefined;
  declare private measured: Measured | undefined;
}

/** The norms of an array, by mask and number of sections. */
interface Measured {
  readonly array: DenseArray | null;
  readonly key: readonly unknown[];
  readonly norms: StepNorms;
}

function same(other: readonly unknown[]): (value: unknown, i: number) => boolean {
  return (value, i) => value === other[i];
}
