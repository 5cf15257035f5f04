// Words of the values that a histogram cannot show.
import { describe, expect, it } from 'vitest';

import { octaves, wholeBlock } from '../data/distribution';
import type { PlotArray } from '../data/slicing';
import { asPlotArray } from '../data/slicing';
import { emptyReason, shares } from './shares';

/** One sample of one timestep. */
function flat(...data: number[]): PlotArray {
  return asPlotArray(Float32Array.from(data), [1, data.length]);
}

function count(data: PlotArray): ReturnType<typeof octaves> {
  return octaves(data, [wholeBlock(data)], null);
}

describe('words', () => {
  it('tell zeros, NaN and infinities, also that there are none', () => {
    const tally = { total: 2_000_000, zeros: 250_000, nans: 1, infinities: 0 };
    const lines = shares(tally, false);
    expect(lines.map(({ text }) => text)).toEqual([
      '13 %',
      '250,000 zeros',
      '<0.1 %',
      '1 NaN',
      'no Inf',
    ]);
    expect(lines.map(({ kind }) => kind)).toEqual(['strong', 'quiet', 'alarm', 'alarm', 'quiet']);
    expect(shares(tally, true)[1].text).toBe('250k zeros');
  });

  it('tell only what there is, where absence goes without saying', () => {
    const tally = { total: 4, zeros: 0, nans: 1, infinities: 0 };
    expect(shares(tally, false, false).map(({ text }) => text)).toEqual(['25 %', '1 NaN']);
  });

  it('say why there is nothing to draw', () => {
    expect(emptyReason(count(flat(0, 0)))).toBe('all 2 values are zero');
    expect(emptyReason(count(flat(NaN)))).toBe('the only value is NaN');
    expect(emptyReason(count(flat(NaN, 0, Infinity)))).toBe(
      'all 3 values are zero or NaN or infinite',
    );
    const masked = octaves(flat(1), [wholeBlock(flat(1))], Float32Array.of(0));
    expect(emptyReason(masked)).toBe('every timestep is masked');
  });
});
