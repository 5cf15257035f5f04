// The state of the norm, and the attributes that it crosses the wire in.
import type { WidgetModel } from '@jupyter-widgets/base';
import { describe, expect, it } from 'vitest';

import { changedPart, NORM_TRAITS, normStateOf, traitsOf } from './norm-traits';

const TRAITS: Record<string, unknown> = {
  norm: [-1, 2],
  auto: false,
  auto_limit: 0.5,
  max_decade: 1,
  limit_index: 70,
  range_indices: [-20, 40],
};

const STATE = normStateOf({ get: (name: string) => TRAITS[name] } as WidgetModel);

describe('the state of the norm', () => {
  it('is read from its attributes and written to them', () => {
    expect(STATE.norm).toEqual({ vmin: -1, vmax: 2 });
    const { auto_limit: _, ...written } = TRAITS; // which is the tensor's, or another explorer's
    expect(traitsOf(STATE)).toEqual(written);
    expect([...Object.keys(TRAITS), 'linked_limit'].sort()).toEqual([...NORM_TRAITS].sort());
  });

  it.each([
    [{}, {}],
    [{ norm: { vmin: -1, vmax: 2 } }, {}],
    [{ norm: { vmin: -1, vmax: 3 } }, { norm: [-1, 3] }],
    [
      { auto: true, rangeIndices: [-20, 41] as const },
      { auto: true, range_indices: [-20, 41] },
    ],
    [
      { limitIndex: 0, maxDecade: 0, autoLimit: 0 },
      { limit_index: 0, max_decade: 0 },
    ],
  ])('writes what has changed: %j', (change, traits) => {
    expect(traitsOf(changedPart(STATE, { ...STATE, ...change }))).toEqual(traits);
  });
});
