// The words of histograms: counts of eight values, and of a part of them.
import { describe, expect, it } from 'vitest';

import { octaves, wholeBlock } from '../data/distribution';
import type { Drawn, Line } from '../data/histogram';
import { chosenBlocks, countAll, countLine, fitAxis } from '../data/histogram';
import type { PlotArray } from '../data/slicing';
import { asPlotArray } from '../data/slicing';
import { HALVES, tensorWords } from '../testing/axes';
import type { HistogramSubject } from './histogram-text';
import { histogramCaption, histogramHover } from './histogram-text';
import type { Segment } from './text';

const DATA = Float32Array.of(1, -1, 1, 2, 3, 0, 0.5, 8);
const TIMED = asPlotArray(DATA, [2, 2, 2]);
const FLAT = asPlotArray(DATA, [4, 2]);
const ONE = asPlotArray(DATA, [1, 4, 2]);

function drawn(plotArray: PlotArray, of: Line['of'], signed = false, timed = true): Drawn {
  const all = [wholeBlock(plotArray)];
  const tally = octaves(plotArray, all, null);
  const batch = countAll(plotArray, all, null, tally, fitAxis(plotArray, null, tally, signed));
  const chosen = chosenBlocks(all, of, 1 % plotArray.samples, 0, timed);
  return { ...batch, line: countLine(plotArray, null, batch, chosen, of) };
}

function subject(given: Partial<HistogramSubject['tensor']> = {}, sample = 1): HistogramSubject {
  const tensor = { ...tensorWords(), mask: null, ...given };
  return { tensor, point: { sample, timestep: 0, channel: 0 }, isZoomed: false, timeRange: [0, 1] };
}

function text(segments: Segment[]): string {
  return segments.map((segment) => segment.text).join('');
}

describe('the caption of a histogram', () => {
  it.each([
    [subject(), TIMED, drawn(TIMED, 'sample'), 'of |g|: all samples (grey), sample 1 × 2 (line)'],
    [
      subject(),
      TIMED,
      drawn(TIMED, 'channel'),
      'of |g|: all samples (grey), channel 0 of sample 1 × 4 (line)',
    ],
    [
      subject(),
      TIMED,
      drawn(TIMED, 'sample', true),
      'of g: all samples (grey), sample 1 × 2 (line)',
    ],
    [subject({ symbol: 'v' }, 0), ONE, drawn(ONE, 'sample'), 'of |v|: all values (grey)'],
    [
      subject({ columns: 'sample' }),
      FLAT,
      drawn(FLAT, 'channel', false, false),
      'of |g|: all samples (grey), channel 0 × 2 (line)',
    ],
    [subject(HALVES, 0), ONE, drawn(ONE, 'sample'), 'of |g|: all values of both halves (grey)'],
    [
      subject({ mask: Float32Array.of(1, 1, 1, 0) }, 0),
      ONE,
      drawn(ONE, 'sample'),
      'of |g|: all values (grey), without masked timesteps',
    ],
    [
      subject({ mask: Float32Array.of(1, 1, 1, 1) }, 0),
      ONE,
      drawn(ONE, 'sample'),
      'of |g|: all values (grey)',
    ],
    [
      { ...subject(), isZoomed: true, timeRange: [3, 7] } as const,
      TIMED,
      drawn(TIMED, 'sample'),
      'of |g|: all samples (grey), sample 1 × 2 (line) — timesteps 3–7 (double-click: all)',
    ],
  ])('%#', (of, plotArray, what, words) => {
    expect(text(histogramCaption(of, plotArray, what))).toBe(`Values per bin ${words}`);
  });
});

describe('a bin of a histogram', () => {
  const magnitudes = drawn(TIMED, 'sample');
  const bin = (drawnBins: Drawn, least: number): number =>
    [...(drawnBins.bins?.edges ?? [])].indexOf(least);

  it('tells its edges, its count, and that of the line', () => {
    const words = histogramHover(subject(), TIMED, magnitudes, bin(magnitudes, 1));
    expect(text(words)).toBe('|g| 1.0e0 … 2.0e0 · 3 values (38 %) · sample 1: 0');
    expect(words.map(({ weight }) => weight)).toEqual([
      undefined,
      'strong',
      'quiet',
      undefined,
      'quiet',
    ]);
  });

  it('has one value, or several', () => {
    expect(text(histogramHover(subject(), TIMED, magnitudes, bin(magnitudes, 8)))).toBe(
      '|g| 8.0e0 … 1.6e1 · 1 value (13 %) · sample 1: 1',
    );
  });

  it('has signed edges on an axis of values', () => {
    const signed = drawn(ONE, 'sample', true);
    expect(text(histogramHover(subject(), ONE, signed, 0))).toBe(
      'g −1.0e0 … −8.5e-1 · 1 value (13 %)',
    );
  });

  it('that was not pointed at yet is the number of all values', () => {
    expect(text(histogramHover(subject(), TIMED, magnitudes, null))).toBe('8 values');
    const single = asPlotArray(Float32Array.of(0), [1, 1]);
    expect(text(histogramHover(subject(), single, drawn(single, 'sample'), 0))).toBe('1 value');
  });
});
