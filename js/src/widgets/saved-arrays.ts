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
  const { widget_manager: manager } = model as { widget_manager: object | undefined };
  const bytes = bytesOf(model);
  return manager === undefined || bytes === 0 || savedIn(manager).has(groupOf(model))
    ? state
    : { ...state, array: null, left_out: bytes };
}

/** By widget manager: the groups whose arrays are saved, while a notebook is being saved. */
const savedOf = new WeakMap<object, Set<unknown>>();

/** Find the groups whose arrays are saved, once for all models: a notebook is saved in one go. */
function savedIn(manager: object): Set<unknown> {
  const known = savedOf.get(manager);
  if (known !== undefined) {
    return known;
  }
  const groups = new Map<unknown, Group & { bytes: number; key: unknown }>();
  for (const each of modelsOf.get(manager) ?? []) {
    const key = groupOf(each);
    const group = groups.get(key) ?? { bytes: 0, isRun: each.runId !== undefined, key };
    group.bytes += bytesOf(each);
    groups.set(key, group);
  }
  const saved = new Set([...fitting([...groups.values()])].map(({ key }) => key));
  savedOf.set(manager, saved);
  queueMicrotask(() => savedOf.delete(manager));
  return saved;
}

/** What arrays that are saved together have in common: their run, or the only model. */
function groupOf(model: ArrayModel): unknown {
  return model.runId ?? model;
}

/** Bytes of the array that was left out when the notebook was saved; 0 if it is there. */
export function leftOut(model: WidgetModel): number {
  return model.get('array') === null ? ((model.get('left_out') as number | undefined) ?? 0) : 0;
}

function bytesOf(model: WidgetModel): number {
  return (model.get('array') as DenseArray | null)?.values.byteLength ?? 0;
}
