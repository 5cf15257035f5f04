// Arrays of models in the state that is saved with a notebook.

import type { WidgetModel } from '@jupyter-widgets/base';

import type { Group } from '../data/saved';
import { fitting } from '../data/saved';
import type { DenseArray } from '../data/wire';

/** A model with an array. */
interface ArrayModel extends WidgetModel {
  /** The run that the array is of, if any. */
  readonly runId?: string;
}

/** What a model saves of itself. */
export type State = ReturnType<WidgetModel['get_state']>;

/** By widget manager: what is saved in one notebook. */
const modelsOf = new WeakMap<object, Set<ArrayModel>>();

/** Let the array of a new model count. */
export function noteArray(model: ArrayModel): void {
  const manager = model.widget_manager as object | undefined;
  if (manager !== undefined) {
    const models = modelsOf.get(manager) ?? new Set();
    modelsOf.set(manager, models.add(model));
    model.once('destroy', () => models.delete(model));
  }
}

/** The state of a model without its array, where that is left out; `left_out` has its bytes. */
export function stateToSave(model: ArrayModel, state: State): State {
  const models = modelsOf.get(model.widget_manager) ?? new Set();
  const groups = new Map<unknown, Group & { bytes: number }>();
  for (const each of models) {
    const key = each.runId ?? each;
    const group = groups.get(key) ?? { bytes: 0, isRun: each.runId !== undefined };
    group.bytes += bytesOf(each);
    groups.set(key, group);
  }
  const own = groups.get(model.runId ?? model);
  return own === undefined || bytesOf(model) === 0 || fitting([...groups.values()]).has(own)
    ? state
    : { ...state, array: null, left_out: bytesOf(model) };
}

/** Bytes of the array that was left out when the notebook was saved; 0 if it is there. */
export function leftOut(model: WidgetModel): number {
  return model.get('array') === null ? ((model.get('left_out') as number | undefined) ?? 0) : 0;
}

function bytesOf(model: WidgetModel): number {
  return (model.get('array') as DenseArray | null)?.values.byteLength ?? 0;
}
