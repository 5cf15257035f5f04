import { describe, expect, it } from 'vitest';

import { hasMasked, lastCounted, maskedAreas } from './masked';
import type { PlotArray } from './slicing';
import { isMasked, normOverChannels, pool, rowsOfChannel, rowsOfSample, series } from './slicing';

// Three samples of five timesteps and four channels: whole, padded behind, masked whole.
const MASK = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
const DATA = Float32Array.from({ length: 60 }, (_, i) => (MASK[Math.floor(i / 4)] ? i + 1 : NaN));
const ARRAY: PlotArray = { data: DATA, samples: 3, timesteps: 5, channels: 4, mask: MASK };

describe('masked areas', () => {
  it('are whole columns of a sample', () => {
    expect(maskedAreas(ARRAY, rowsOfSample(ARRAY, 0), [0, 5])).toEqual([]);
    expect(maskedAreas(ARRAY, rowsOfSample(ARRAY, 1), [0, 5])).toEqual([
      { rows: [0, 4], columns: [2, 5] },
    ]);
    expect(maskedAreas(ARRAY, rowsOfSample(ARRAY, 1), [0, 3])).toEqual([
      { rows: [0, 4], columns: [2, 3] },
    ]);
  });

  it('lie at the other end of the half that is flipped', () => {
    expect(maskedAreas(ARRAY, rowsOfSample(ARRAY, 1, 0, 4, true), [0, 5])).toEqual([
      { rows: [0, 2], columns: [2, 5] },
      { rows: [2, 4], columns: [0, 3] },
    ]);
  });

  it('are parts of rows where a row is a sample', () => {
    expect(maskedAreas(ARRAY, rowsOfChannel(ARRAY, 3), [1, 5])).toEqual([
      { rows: [1, 2], columns: [2, 5] },
      { rows: [2, 3], columns: [1, 5] },
    ]);
    expect(maskedAreas(ARRAY, rowsOfChannel(ARRAY, 3, true), [0, 5])[0]).toEqual({
      rows: [1, 2],
      columns: [0, 3],
    });
  });

  it('are separate runs, and none without a mask', () => {
    const holes = { ...ARRAY, mask: Float32Array.of(0, 1, 0, 0, 1, ...new Array(10).fill(1)) };
    expect(
      maskedAreas(holes, rowsOfSample(holes, 0), [0, 5]).map(({ columns }) => columns),
    ).toEqual([
      [0, 1],
      [2, 4],
    ]);
    expect(maskedAreas({ ...ARRAY, mask: null }, rowsOfSample(ARRAY, 1), [0, 5])).toEqual([]);
  });
});

describe('what is masked', () => {
  it('is told for each place, as it is shown', () => {
    expect(isMasked(ARRAY, 1, 2, 0)).toBe(true);
    expect(isMasked(ARRAY, 1, 1, 0)).toBe(false);
    expect(isMasked(ARRAY, 1, 2, 3, true)).toBe(true);
    expect(isMasked(ARRAY, 1, 0, 3, true)).toBe(true);
    expect(isMasked(ARRAY, 1, 4, 3, true)).toBe(false);
    expect(isMasked({ ...ARRAY, mask: null }, 1, 2, 0)).toBe(false);
  });

  it('leaves gaps in curves, also where its value is a number', () => {
    const zeros = { ...ARRAY, data: DATA.map((v) => (Number.isNaN(v) ? 0 : v)) };
    expect([...series(zeros, 1, 0)]).toEqual([21, 25, NaN, NaN, NaN]);
    expect([...series(zeros, 1, 3, true)]).toEqual([NaN, NaN, NaN, 28, 24]);
  });

  it('is known of a sample, and of all', () => {
    expect([0, 1, 2, null].map((sample) => hasMasked(ARRAY, sample))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(hasMasked({ ...ARRAY, mask: null }, null)).toBe(false);
  });

  it('does not count in a norm, where one half is masked', () => {
    expect(normOverChannels(ARRAY, 1, 0, true)).toBe(Math.hypot(21, 22));
  });

  it('is not where the cursor starts', () => {
    expect([0, 1, 2].map((sample) => lastCounted(ARRAY, sample))).toEqual([4, 1, 4]);
    expect(lastCounted({ ...ARRAY, mask: null }, 1)).toBe(4);
  });

  it('does not win over what is seen beside it', () => {
    const cells = new Float32Array(4 * 2);
    pool(ARRAY, rowsOfSample(ARRAY, 1), [0, 5], 4, 2, cells);
    expect([...cells]).toEqual([25, 26, 27, 28, 0, 0, 0, 0]);
    const samples = new Float32Array(3);
    pool(ARRAY, rowsOfChannel(ARRAY, 0), [0, 5], 3, 1, samples);
    expect([...samples]).toEqual([17, 25, 0]);
  });
});
