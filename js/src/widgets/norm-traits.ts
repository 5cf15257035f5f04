// The state of the norm, as attributes of the selection.

import type { WidgetModel } from '@jupyter-widgets/base';

import type { NormState } from '../drawing/norm-state';

/** Attributes that tell the state of the norm. */
export const NORM_TRAITS = [
  'norm',
  'auto',
  'auto_limit',
  'linked_limit',
  'max_decade',
  'limit_index',
  'range_indices',
];

/**
 * The limit of the automatic range: the tensor's own, or a larger one of another explorer whose norm
 * is linked.
 */
function automaticLimit(model: WidgetModel): number {
  const linked = model.get('linked_limit') as number | undefined;
  return Math.max(model.get('auto_limit') as number, linked ?? 0);
}

export function normStateOf(model: WidgetModel): NormState {
  const [vmin, vmax] = model.get('norm') as [number, number];
  return {
    norm: { vmin, vmax },
    auto: model.get('auto') as boolean,
    autoLimit: automaticLimit(model),
    maxDecade: model.get('max_decade') as number,
    limitIndex: model.get('limit_index') as number,
    rangeIndices: model.get('range_indices') as [number, number],
  };
}

/**
 * The parts of a state that differ from those of another; all are numbers, flags or a few numbers.
 */
export function changedPart(before: NormState, now: NormState): Partial<NormState> {
  const names = Object.keys(now) as (keyof NormState)[];
  const changed = names.filter(
    (name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]),
  );
  return Object.fromEntries(changed.map((name) => [name, now[name]]));
}

/** The attributes of the parts of a state. */
export function traitsOf(state: Partial<NormState>): Backbone.ObjectHash {
  const { norm, auto, maxDecade, limitIndex, rangeIndices } = state;
  const traits = {
    norm: norm && [norm.vmin, norm.vmax],
    auto,
    max_decade: maxDecade,
    limit_index: limitIndex,
    range_indices: rangeIndices,
  };
  return Object.fromEntries(Object.entries(traits).filter(([, value]) => value !== undefined));
}
