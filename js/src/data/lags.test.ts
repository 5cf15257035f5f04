// Lag profiles against those that Python computes (tests/fixtures/lags.py).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import type { Value } from '../testing/golden';
import { number } from '../testing/golden';
import { lagProfile } from './lags';

interface Case {
  readonly name: string;
  readonly values: Value[];
  readonly shape: [number, number, number];
  readonly timesteps: number[];
  readonly backward: boolean;
  readonly mask: number[] | null;
  readonly profile: Value[];
}

const cases = JSON.parse(
  readFileSync(new URL('../../../tests/fixtures/lags.json', import.meta.url), 'utf8'),
) as Case[];

describe('the lag profile', () => {
  it.each(cases)('$name', ({ values, shape, timesteps, backward, mask, profile }) => {
    const [samples, count, channels] = shape;
    const array = {
      data: Float32Array.from(values, number),
      samples,
      timesteps: count,
      channels,
      mask: mask === null ? null : Float32Array.from(mask),
    };
    const found = lagProfile(array, { timesteps, backward });
    const rounded = (value: number): string => value.toPrecision(12);
    expect(Array.from(found.values, rounded)).toEqual(
      profile.map((value) => rounded(number(value))),
    );
    expect(found.largest).toBe(Math.max(0, ...found.values.filter(Number.isFinite)));
  });
});
