// The browser's slices against those that numpy wrote (tests/fixtures/golden.py).
import { describe, expect, it } from 'vitest';

import { golden, number, plotArray } from '../testing/golden';
import {
  asPlotArray,
  channelMaximum,
  normOverChannels,
  pool,
  row,
  rowsOfChannel,
  rowsOfSample,
  series,
  valueAt,
} from './slicing';

describe('slicing', () => {
  it.each(golden.pooled)(
    'pools sample $sample, reflect $reflect, $start..$stop to $rows x $cols',
    (c) => {
      const out = new Float32Array(c.rows * c.cols).fill(7);
      const rows = rowsOfSample(plotArray, c.sample, c.start, c.stop, c.reflect);
      pool(plotArray, rows, [0, plotArray.timesteps], c.rows, c.cols, out);
      expect([...out]).toEqual(c.cells.map(number));
    },
  );

  it.each(golden.spans)('pools timesteps $span, reflect $reflect, to $rows x $cols', (c) => {
    const out = new Float32Array(c.rows * c.cols).fill(7);
    pool(plotArray, rowsOfSample(plotArray, 0, 0, 6, c.reflect), c.span, c.rows, c.cols, out);
    expect([...out]).toEqual(c.cells.map(number));
  });

  it.each([true, false])('takes a channel of every sample, a span of it, reflect %s', (reflect) => {
    const out = new Float32Array(3 * plotArray.samples);
    for (const channel of [1, 4]) {
      pool(
        plotArray,
        rowsOfChannel(plotArray, channel, reflect),
        [1, 4],
        plotArray.samples,
        3,
        out,
      );
      const wanted = [1, 2, 3].flatMap((t) =>
        Array.from({ length: plotArray.samples }, (_, s) =>
          valueAt(plotArray, s, t, channel, reflect),
        ),
      );
      expect([...out]).toEqual(wanted);
    }
  });

  it.each(golden.series)('cuts sample $sample, channel $channel, reflect $reflect', (c) => {
    expect([...series(plotArray, c.sample, c.channel, c.reflect)]).toEqual(c.values.map(number));
    c.values.forEach((value, t) => {
      expect(valueAt(plotArray, c.sample, t, c.channel, c.reflect)).toEqual(number(value));
    });
  });

  it.each(golden.norms)('takes the norm over channels at $timestep', ({ timestep, value }) => {
    expect(normOverChannels(plotArray, 2, timestep, true)).toBeCloseTo(value, 12);
  });

  it('finds the largest finite magnitude of a channel', () => {
    const column = golden.values.map(number).filter((_, i) => i % 6 === 4);
    const finite = column.filter(Number.isFinite).map(Math.abs);
    expect(channelMaximum(plotArray, 4)).toBe(Math.max(...finite));
  });

  it('sees an array without time as one timestep', () => {
    const flat = asPlotArray(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3]);
    expect([...row(flat, 1)]).toEqual([4, 5, 6]);
  });

  it('refuses a buffer that does not fill its shape', () => {
    expect(() => asPlotArray(new Float32Array(5), [2, 3])).toThrow(/fill its shape; received 5/);
  });
});
