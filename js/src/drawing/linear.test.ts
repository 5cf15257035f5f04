// Pixels of values on an axis, whatever its decade.
import { describe, expect, it } from 'vitest';

import { logLossAxis, lossAxis, onCanvas, pixelsOf } from './linear';

const DECADES = [1e-38, 1e-30, 1e-8, 1, 1e8, 1e15, 1e16, 1e18, 1e30, 1e38];

describe('pixels of values', () => {
  it.each(DECADES)('are where they must be on an axis to ±%d', (limit) => {
    const values = Float32Array.from([-limit, -limit / 2, 0, limit / 4, limit]);
    const found = [...pixelsOf(values, [-limit, limit], [100, 0])];
    [100, 75, 50, 37.5, 0].forEach((pixel, i) => expect(found[i]).toBeCloseTo(pixel, 4));
  });
  it.each(DECADES)('are where they must be on an axis from %d, away from zero', (limit) => {
    const values = Float32Array.from([3 * limit, 2 * limit]);
    const found = [...pixelsOf(values, [2 * limit, 3 * limit], [80, 0])];
    [0, 80].forEach((pixel, i) => expect(found[i]).toBeCloseTo(pixel, 4));
  });
  it('are none where there is no finite value', () => {
    expect([...pixelsOf(Float32Array.of(NaN, Infinity, -Infinity, 1), [0, 1], [9, 0])]).toEqual([
      NaN,
      NaN,
      NaN,
      0,
    ]);
  });
  it('stay where a canvas can count', () => {
    const [far, near] = pixelsOf(Float32Array.of(1e30, -1e30), [-1e-30, 1e-30], [100, 0]);
    expect([far, near]).toEqual([-1e6, 1e6]);
    expect([onCanvas(-1e60), onCanvas(7)]).toEqual([-1e6, 7]);
  });
});

describe('the axis of losses', () => {
  it.each([
    [[0.5, 2, NaN], 0, 2.16, [0, 2]],
    [[1e-30, 4e-30], 0, 4.32e-30, [0, 4e-30]],
    [[1e18, 3e18, Infinity], 0, 3.24e18, [0, 3e18]],
    [[-4, 2], -4.32, 2.16, [0, 2]],
    [[-4, -2], -4.32, 0, [0, -4]],
    [[0], 0, 1.08, [0, 1]],
    [[], 0, 1.08, [0, 1]],
  ])('holds %j', (losses, min, max, places) => {
    const axis = lossAxis(losses);
    expect(axis.min / (min || 1)).toBeCloseTo(min === 0 ? 0 : 1, 9);
    expect(axis.max / (max || 1)).toBeCloseTo(max === 0 ? 0 : 1, 9);
    expect(axis.ticks).toEqual(places);
  });
});

describe('the axis of losses in decades', () => {
  it('labels decades where there are two, else 1, 2 and 5, at most four', () => {
    expect(logLossAxis([1.2, 0.01, NaN])?.ticks).toEqual([0.01, 0.1, 1]);
    expect(logLossAxis([0.16, 0.14])?.ticks).toEqual([0.14, 0.16].map((v) => expect.closeTo(v)));
    expect(logLossAxis([0.6, 0.15])?.ticks).toEqual([0.2, 0.5]);
    expect(logLossAxis([1e-9, 1])?.ticks).toEqual(
      [1e-9, 1e-6, 1e-3, 1].map((v) => expect.closeTo(v)),
    );
  });

  it('is not there for a loss of zero or less, or none', () => {
    expect(logLossAxis([1, 0])).toBeNull();
    expect(logLossAxis([-1, 2])).toBeNull();
    expect(logLossAxis([NaN])).toBeNull();
  });
});
