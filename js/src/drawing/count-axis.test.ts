import { describe, expect, it } from 'vitest';

import { countRange } from './count-axis';

describe('axes', () => {
  it('hold counts from zero, or from half a one where they are logarithmic', () => {
    expect(countRange(16_000, false)).toEqual({
      min: 0,
      max: 17_500,
      ticks: [
        [0, '0'],
        [5000, '5k'],
        [10_000, '10k'],
        [15_000, '15k'],
      ],
    });
    expect(countRange(1, false).ticks).toEqual([
      [0, '0'],
      [1, '1'],
    ]);
    const log = countRange(500, true);
    expect(log).toMatchObject({ min: Math.log10(0.5), max: 3 });
    expect(log.ticks.map(([, text]) => text)).toEqual(['1', '10', '100', '1k']);
  });
});
