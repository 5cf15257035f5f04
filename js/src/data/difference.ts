// Pure: two snapshots compared.

import type { DenseArray } from './wire';

/** The one minus the other, value by value; the first where there is no other. */
export function difference(a: DenseArray | null, b: DenseArray | null): DenseArray | null {
  if (a === null || b === null) {
    return a;
  }
  return { values: a.values.map((value, i) => value - b.values[i]), shape: a.shape };
}

/** Round a magnitude up to two digits, the second even: the halves of a colour bar are round too. */
export function roundedUp(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return value > 0 ? Number((Math.ceil(value / unit / 2) * 2 * unit).toPrecision(2)) : 0;
}
