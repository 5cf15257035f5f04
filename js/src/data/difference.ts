// Pure: two snapshots compared.

import type { DenseArray } from './wire';

/** Subtract `b` from `a`, value by value; without `b`, return `a` itself. */
export function difference(a: DenseArray | null, b: DenseArray | null): DenseArray | null {
  if (a === null || b === null) {
    return a;
  }
  return { values: a.values.map((value, i) => value - b.values[i]), shape: a.shape };
}

/**
 * Round a magnitude up to two digits. The second is even, so that half of it is a round number too.
 */
export function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return value > 0 ? Number((Math.ceil(value / unit / 2) * 2 * unit).toPrecision(2)) : 0;
}
