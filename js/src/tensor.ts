import { WidgetModel } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';

import { asCube } from './slicing';
import type { Cube } from './slicing';
import { MODULE_STATE } from './version';
import { fromWire, toWire } from './wire';
import type { DenseArray } from './wire';

/** The array that is explored, and what it is. It crosses once; all slicing happens here. */
export class TensorModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'TensorModel',
      _view_name: null,
      _view_module: null,
      _view_module_version: '',
      array: null,
      directions: [],
      noun: 'Value v',
      symbol: 'v',
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    array: { deserialize: fromWire, serialize: toWire },
  };

  /** The array as (sample, timestep, channel). */
  get cube(): Cube | null {
    const array = this.get('array') as DenseArray | null;
    return array === null ? null : asCube(array.values, array.shape);
  }

  /** Whether there is a time axis. */
  get hasTime(): boolean {
    const array = this.get('array') as DenseArray | null;
    return array !== null && array.shape.length === 3;
  }

  /** `["forward", "backward"]` where the channels have these two halves, else empty. */
  get directions(): string[] {
    return this.get('directions') as string[];
  }

  /** JupyterLab may keep a closed model alive: let at least its memory go. */
  override close(comm_closed?: boolean): Promise<void> {
    this.set('array', null, { silent: true });
    return super.close(comm_closed);
  }
}
