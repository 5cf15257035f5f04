import type { ISerializers } from '@jupyter-widgets/base';
import { WidgetModel } from '@jupyter-widgets/base';

import type { ComparedSteps } from '../data/difference';
import type { Reach } from '../data/lags';
import { reachOf } from '../data/lags';
import type { Section } from '../data/sections';
import { rowsOfSection } from '../data/sections';
import type { PlotArray } from '../data/slicing';
import { asPlotArray } from '../data/slicing';
import type { Told } from '../data/told';
import { NOTHING } from '../data/told';
import type { DenseArray } from '../data/wire';
import { fromWire, toWire } from '../data/wire';
import { MODULE_STATE } from '../version';
import { release } from './release';
import type { State } from './saved-arrays';
import { noteArray, stateToSave } from './saved-arrays';

/** The array that is explored, and what it is. It crosses the wire once, and is sliced here. */
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
      row_labels: [],
      gates: [],
      gates_along: '',
      noun: 'Value v',
      symbol: 'v',
      flow: 'Flow',
      name: '',
      told: null,
      compared_steps: null,
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    array: { deserialize: fromWire, serialize: toWire },
    mask: { deserialize: fromWire, serialize: toWire },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    noteArray(this);
  }

  override get_state(dropDefaults?: boolean): State {
    return stateToSave(this, super.get_state(dropDefaults));
  }

  /** The array as (sample, timestep, channel). */
  get plotArray(): PlotArray | null {
    const array = this.get('array') as DenseArray | null;
    return array === null ? null : asPlotArray(array.values, array.shape, this.mask);
  }

  /** `["forward", "backward"]` where the channels have these two halves, else empty. */
  get directions(): string[] {
    return this.get('directions') as string[];
  }

  /** Ranges of rows, from the lowest: halves of a Bidirectional layer, or matrices of weights. */
  get sections(): Section[] {
    return this.get('sections') as Section[];
  }

  /** Rows [start, stop) of a section; all rows without one. */
  rowRange(section: number | null): [number, number] {
    return rowsOfSection(this.sections, section, this.plotArray?.channels ?? 0);
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

  /** A label of each row, from the lowest; empty where its index is one. */
  get rowLabels(): string[] {
    return this.get('row_labels') as string[];
  }

  /** The timesteps of the loss, which the rows of a reach are of; null of anything else. */
  get reach(): Reach | null {
    return reachOf(this);
  }

  /** Names of the gates that divide the columns or the rows evenly; within each half. */
  gatesAlong(axis: 'columns' | 'rows'): string[] {
    return this.get('gates_along') === axis ? (this.get('gates') as string[]) : [];
  }

  /** What is shown, in words: `Gradient of the loss ∂L/∂h`. */
  get noun(): string {
    return this.get('noun') as string;
  }

  /** Which training steps are compared; null where none are. */
  get comparedSteps(): ComparedSteps | null {
    return this.get('compared_steps') as ComparedSteps | null;
  }

  /** What is told of it; null where nothing is, of a difference of two steps. */
  get told(): Told | null {
    const told = this.get('told') as Partial<Told> | null;
    return told === null ? null : { ...NOTHING, ...told };
  }

  /** The sign of a value: `g`, `v`. */
  get symbol(): string {
    return this.get('symbol') as string;
  }

  /** What its norms over channels are called. */
  get flow(): string {
    return this.get('flow') as string;
  }

  /** What it is, where there are two. Widget models have a `name` of their own. */
  get fullName(): string {
    return this.get('name') as string;
  }

  override close(comm_closed?: boolean): Promise<void> {
    release(this, 'array', 'mask');
    return super.close(comm_closed);
  }
}
