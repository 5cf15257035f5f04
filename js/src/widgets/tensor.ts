import type { ISerializers } from '@jupyter-widgets/base';
import { WidgetModel } from '@jupyter-widgets/base';
import type { Cube } from '../data/slicing';
import { asCube } from '../data/slicing';
import type { DenseArray } from '../data/wire';
import { fromWire, toWire } from '../data/wire';
import { MODULE_STATE } from '../version';

/** Rows that belong together: their name, the first one, and what they count. */
export interface Section {
  readonly name: string;
  readonly start: number;
  readonly rows: string;
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
      mask: null,
      directions: [],
      sections: [],
      columns: 'timestep',
      rows: 'channel',
      gates: [],
      gates_along: '',
      noun: 'Value v',
      symbol: 'v',
      flow: 'Flow',
      name: '',
      compared: '',
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    array: { deserialize: fromWire, serialize: toWire },
    mask: { deserialize: fromWire, serialize: toWire },
  };

  /** The array as (sample, timestep, channel). */
  get cube(): Cube | null {
    const array = this.get('array') as DenseArray | null;
    return array === null ? null : asCube(array.values, array.shape);
  }

  /** `["forward", "backward"]` where the channels have these two halves, else empty. */
  get directions(): string[] {
    return this.get('directions') as string[];
  }

  /** Named ranges of rows, from the lowest: the halves of a Bidirectional layer, the matrices of a layer's weights. */
  get sections(): Section[] {
    return this.get('sections') as Section[];
  }

  /** Rows [start, stop) of a section; all rows without one. */
  rowRange(section: number | null): [number, number] {
    const count = this.cube?.channels ?? 0;
    const { sections } = this;
    if (section === null) {
      return [0, count];
    }
    return [sections[section]?.start ?? 0, sections[section + 1]?.start ?? count];
  }

  /** 1 where a (sample, timestep) counts, 0 where it is masked; null without a mask. */
  get mask(): Float32Array | null {
    return (this.get('mask') as DenseArray | null)?.values ?? null;
  }

  /** What the columns count: `timestep`, or `channel` for a weight. */
  get columns(): string {
    return this.get('columns') as string;
  }

  /** What the rows count: `channel`, or `feature` for a kernel. */
  get rows(): string {
    return this.get('rows') as string;
  }

  /** Names of the gates that divide the columns or the rows evenly; within each half. */
  gatesAlong(axis: 'columns' | 'rows'): string[] {
    return this.get('gates_along') === axis ? (this.get('gates') as string[]) : [];
  }

  /** JupyterLab may keep a closed model alive: let at least its memory go. */
  override close(comm_closed?: boolean): Promise<void> {
    this.set('array', null, { silent: true });
    return super.close(comm_closed);
  }
}
