// Pure: two snapshots compared.

import type { DenseArray } from './wire';

/** The training step of a, and that of b; null for b where a is shown alone. */
export type ComparedSteps = readonly [step: number, base: number | null];

/** Subtract `b` from `a`, value by value; without `b`, return `a` itself. */
export function difference(a: DenseArray | null, b: DenseArray | null): DenseArray | null {
  if (a === null || b === null) {
    return a;
  }
  return { values: a.values.map((value, i) => value - b.values[i]), shape: a.shape };
}
