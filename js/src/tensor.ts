import { WidgetModel } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';

import { asCube } from './slicing';
import type { Cube } from './slicing';
import { MODULE_STATE } from './version';

/** What travels: the named type, the shape and the bytes, little-endian, C order. */
interface Wire {
  dtype: string;
  shape: number[];
  data: DataView | ArrayBuffer;
}

/** The array as it is kept: on the wire's own memory where its alignment allows. */
export interface DenseArray {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

export function fromWire(wire: Wire | null): DenseArray | null {
  if (wire === null) {
    return null;
  }
  if (wire.dtype !== 'float32') {
    throw new Error(`the array must be float32; received ${wire.dtype}`);
  }
  const { buffer, byteOffset, byteLength } =
    wire.data instanceof ArrayBuffer ? new DataView(wire.data) : wire.data;
  const count = wire.shape.reduce((product, n) => product * n, 1);
  if (byteLength !== 4 * count) {
    throw new Error(`the buffer must fill its shape; received ${byteLength} bytes for (${wire.shape})`);
  }
  // a Float32Array must start at a multiple of 4 bytes, a message's buffer may start anywhere
  const values =
    byteOffset % 4 === 0
      ? new Float32Array(buffer, byteOffset, count)
      : new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  return { values, shape: wire.shape };
}

export function toWire(array: DenseArray | null): Wire | null {
  if (array === null) {
    return null;
  }
  const { buffer, byteOffset, byteLength } = array.values;
  return {
    dtype: 'float32',
    shape: [...array.shape],
    data: new DataView(buffer, byteOffset, byteLength),
  };
}

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
