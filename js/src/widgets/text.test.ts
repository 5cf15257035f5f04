// The words of captions and readouts, for each kind.
import { describe, expect, it } from 'vitest';

import { asPlotArray } from '../data/slicing';
import type { Told } from '../data/told';
import { NOTHING } from '../data/told';
import { number } from '../drawing/format';
import { HALVES, MATRICES, tensorWords } from '../testing/axes';
import type { Kind, Segment, Subject } from './text';
import { NOT_OF_DIFFERENCES, statusLine, write } from './text';

/** Value 100 s + 10 t + c of sample s, timestep t, channel c: (2, 3, 12). */
const VALUES = Float32Array.from({ length: 72 }, (_, i) => {
  const [s, t, c] = [Math.floor(i / 36), Math.floor(i / 12) % 3, i % 12];
  return 100 * s + 10 * t + c;
});
const PLOT_ARRAY = asPlotArray(VALUES, [2, 3, 12]);
const ONE_SAMPLE = asPlotArray(VALUES.subarray(0, 36), [1, 3, 12]);
const FLAT = asPlotArray(VALUES.subarray(0, 24), [2, 12]);

function subject(given: Partial<Subject> = {}): Subject {
  const point = given.point ?? { sample: 1, timestep: 2, channel: 7 };
  return {
    tensor: tensorWords(),
    companion: {
      fullName: '',
      symbol: 'g',
      directions: [],
      rowLabels: [],
      columns: 'timestep',
      plotArray: null,
    },
    point,
    readoutPoint: point,
    hoveredSample: null,
    norm: { vmin: -0.008, vmax: 0.008 },
    reflect: false,
    isZoomed: false,
    timeRange: [0, 2],
    ...given,
  };
}

function text(segments: Segment[]): string {
  return segments.map((segment) => segment.text).join('');
}

const bidirectional = subject({ tensor: tensorWords(HALVES) });
const reflected = subject({ tensor: tensorWords(HALVES), reflect: true });
const zoomed = subject({ isZoomed: true, timeRange: [1, 2] });
const compared = subject({ tensor: tensorWords({ comparedSteps: [20, 5] }) });
const weight = subject({ tensor: tensorWords({ columns: 'channel', rows: 'feature' }) });
const bias = subject({ tensor: tensorWords({ columns: 'channel', rows: '' }) });
const two = subject({
  tensor: tensorWords({ fullName: 'direct gradient' }),
  companion: {
    fullName: 'total gradient',
    symbol: 'g',
    directions: [],
    rowLabels: [],
    columns: 'timestep',
    plotArray: PLOT_ARRAY,
  },
});
const truncated = subject({
  tensor: tensorWords({ rowLabels: ['1', '2', 'rest'] }),
  companion: {
    ...two.companion,
    columns: 'k',
    plotArray: asPlotArray(Float32Array.from([1, 0.5, 0.25]), [1, 3, 1], null),
  },
});
const matrices = subject({ tensor: tensorWords({ ...MATRICES, noun: 'Weight w' }) });
const gated = subject({ tensor: tensorWords({ gates: { columns: ['i', 'f'] }, symbol: 'w' }) });

describe('the norm under the pointer in a flow', () => {
  it('is that of the lag profile where it is a reach', () => {
    const tensor = tensorWords({ rowLabels: ['1', '2', 'rest'] });
    const array = asPlotArray(Float32Array.of(1, 2, 9, 4, 8, 9, 0, 16, 9), [1, 3, 3]);
    const s = subject({ tensor, point: { sample: 0, timestep: 1, channel: 0 } });
    // of timestep 1 of the loss 1 / 4 is left one step back, of timestep 2 it is 8 / 16
    expect(text(write('flow-hover', s, array))).toBe('sample 0 · 1 steps back · R relative 3.8e-1');
  });

  const point = { sample: 1, timestep: 2, channel: 7 };
  // channels 0 .. 11 of sample 1 and timestep 2 are 120 .. 131
  const norm = (from: number, to: number): number =>
    Math.hypot(...Array.from({ length: to - from }, (_, i) => 120 + from + i));

  it('is that of all channels, or of each direction', () => {
    expect(text(write('flow-hover', subject({ point }), PLOT_ARRAY))).toBe(
      `sample 1 · timestep 2 · ‖g‖ ${number(norm(0, 12))}`,
    );
    expect(text(write('flow-hover', bidirectional, PLOT_ARRAY))).toBe(
      `sample 1 · timestep 2 · ‖g‖ forward ${number(norm(0, 6))}, backward ${number(norm(6, 12))}`,
    );
  });

  it('is that of the other gradient over the other flow', () => {
    const norms = asPlotArray(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3, 1]);
    const companion = {
      fullName: 'total gradient',
      symbol: 'q',
      directions: [],
      rowLabels: [],
      columns: 'timestep',
      plotArray: norms,
    };
    expect(text(write('companion-hover', subject({ point, companion }), PLOT_ARRAY))).toBe(
      'sample 1 · timestep 2 · ‖q‖ 6.0e0',
    );
    expect(write('companion-hover', subject(), PLOT_ARRAY)).toEqual([]);
  });

  it('is the error of truncation where it is beside a reach', () => {
    const point = { readoutPoint: { sample: 1, timestep: 2, channel: 0 } };
    expect(text(write('companion-hover', { ...truncated, ...point }, PLOT_ARRAY))).toBe(
      'truncated at k = 2 · error 2.5e-1',
    );
  });
});

describe('the finding', () => {
  const told = { ...NOTHING, samples: ['falls fast', 'falls slowly'], batch: 'median: falls' };
  const of = (sample: number, words: Told | null): Segment[] =>
    write(
      'finding',
      subject({
        tensor: tensorWords({ told: words }),
        point: { sample, timestep: 0, channel: 0 },
      }),
      PLOT_ARRAY,
    );

  it('is that of the chosen sample, then that of the batch', () => {
    expect(of(1, told)).toEqual([
      { text: 'Sample 1: falls slowly', weight: 'strong' },
      { text: ' · median: falls' },
    ]);
    expect(text(of(0, { ...told, batch: '' }))).toBe('Sample 0: falls fast');
  });

  it('is empty where nothing is told, and says so of a difference', () => {
    expect(of(0, NOTHING)).toEqual([]);
    expect(text(of(0, null))).toBe(NOT_OF_DIFFERENCES);
  });
});

describe('beside the controls', () => {
  it.each([
    ['sample', subject(), '1'],
    ['channel', subject(), '7'],
    ['channel', bidirectional, 'bwd 1'],
    ['norm', subject(), '±8.0e-3'],
    ['norm', subject({ norm: { vmin: -0.002, vmax: 0.008 } }), '−2.0e-3 … +8.0e-3'],
  ] as [Kind, Subject, string][])('%s (%#)', (kind, of, words) => {
    expect(text(write(kind, of, PLOT_ARRAY))).toBe(words);
  });
});

describe('the caption of', () => {
  it.each([
    ['heat-caption', subject(), 'Gradient g by channel, sample 1'],
    ['heat-caption', reflected, 'Gradient g by channel, sample 1 — second half flipped along time'],
    ['heat-caption', zoomed, 'Gradient g by channel, sample 1 — timesteps 1–2 (double-click: all)'],
    ['heat-caption', compared, 'Gradient g, step 20 minus step 5 by channel, sample 1'],
    ['heat-caption', weight, 'Gradient g by feature'],
    ['heat-caption', bias, 'Gradient g by channel'],
    ['upper-caption', bidirectional, 'Backward half, gradient g by channel, sample 1'],
    [
      'upper-caption',
      reflected,
      'Backward half, gradient g by channel, sample 1 — flipped: step 0 is the last timestep',
    ],
    ['lower-caption', bidirectional, 'Forward half'],
    ['flow-caption', subject(), 'Gradient flow: ‖g‖ over channels, log scale'],
    [
      'flow-caption',
      subject({ tensor: tensorWords({ rowLabels: ['0', 'rest'] }) }),
      'Lag profile: R, k steps back, relative to that of its own timestep; k from the left, log scale',
    ],
    ['curve-caption', subject(), 'Gradient g of channel 7'],
    ['curve-caption', bidirectional, 'Gradient g of channel 1, backward'],
    ['curve-caption', zoomed, 'Gradient g of channel 7 — timesteps 1–2 (double-click: all)'],
    ['scatter-caption', subject(), 'Gradient g of every channel, by sample'],
    ['bars-caption', subject(), 'Gradient g of sample 1, by channel'],
    ['maps-caption', subject(), 'Gradient g by channel, every sample'],
    ['channel-caption', subject(), 'Gradient g of channel 7, by sample'],
    ['grid-caption', subject(), 'Gradient g, a colour for each sample'],
    ['companion-caption', two, 'Flow of the total gradient: ‖g‖ over channels, log scale'],
    [
      'companion-caption',
      truncated,
      "Truncated BPTT: relative error of the kernel's gradient, carried back k timesteps; log scale",
    ],
    ['flow-view-caption', subject(), 'Gradient flow: ‖g‖ over channels, log scale'],
    ['flow-view-caption', two, 'Flow of the direct gradient: ‖g‖ over channels, log scale'],
    ['gates-caption', subject(), 'Values per bin of g'],
    ['gates-caption', gated, 'Values per bin of w in each gate, all on one range'],
  ] as [Kind, Subject, string][])('%s (%#)', (kind, of, words) => {
    expect(text(write(kind, of, PLOT_ARRAY))).toBe(words);
  });

  it.each([
    ['maps-caption', 'Gradient g by channel'],
    ['grid-caption', 'Gradient g'],
  ] as [Kind, string][])('%s of one sample', (kind, words) => {
    expect(text(write(kind, subject(), ONE_SAMPLE))).toBe(words);
  });

  it.each([
    [0, 'Weight w of kernel by feature'],
    [2, 'Weight w of bias'],
    [null, 'Weight w of kernel by feature'],
  ])('section-caption of section %s', (section, words) => {
    expect(text(write('section-caption', matrices, PLOT_ARRAY, section))).toBe(words);
  });
});

describe('the value under the pointer', () => {
  const at = (sample: number, timestep: number, channel: number): Partial<Subject> => ({
    readoutPoint: { sample, timestep, channel },
  });

  it.each([
    // the norm is over all channels, or over those of the half that is pointed at
    [subject(at(0, 0, 3)), 'timestep 0 · channel 3 · g +3.0e0 · ‖g‖ 2.2e1'],
    [
      subject({ ...at(0, 0, 0), tensor: tensorWords(HALVES) }),
      'timestep 0 · forward 0 · g 0 · ‖g‖ 7.4e0',
    ],
    [
      subject({ ...at(0, 0, 6), tensor: tensorWords(HALVES) }),
      'timestep 0 · backward 0 · g +6.0e0 · ‖g‖ 2.1e1',
    ],
    // the backward half is flipped along time
    [
      subject({ ...at(0, 0, 8), tensor: tensorWords(HALVES), reflect: true }),
      'processing step 0 · backward 2 · g +2.8e1 · ‖g‖ 7.0e1',
    ],
    [
      subject({ ...at(1, 2, 3), hoveredSample: 1 }),
      'sample 1 · timestep 2 · channel 3 · g +1.2e2 · ‖g‖ 4.3e2',
    ],
    [subject({ ...at(0, 1, 3), tensor: weight.tensor }), 'channel 1 · feature 3 · g +1.3e1'],
  ])('%#', (of, words) => {
    expect(text(write('hover', of, PLOT_ARRAY))).toBe(words);
  });

  it('is called masked where it does not count', () => {
    const mask = new Float32Array(PLOT_ARRAY.samples * PLOT_ARRAY.timesteps).fill(1);
    mask[0] = 0;
    const masked = { ...PLOT_ARRAY, mask };
    const words = (...place: [number, number, number]): string =>
      text(write('hover', subject(at(...place)), masked));
    expect(words(0, 0, 3)).toBe('timestep 0 · channel 3 · masked');
    expect(words(0, 1, 3)).not.toContain('masked');
    const caption = (sample: number): string =>
      text(write('heat-caption', subject({ point: { sample, timestep: 0, channel: 0 } }), masked));
    expect([0, 1].map(caption).map((each) => each.endsWith(' — hatched: masked'))).toEqual([
      true,
      false,
    ]);
  });

  it('is strong, and the norm quiet', () => {
    const weights = write('hover', subject(at(0, 0, 3)), PLOT_ARRAY).map(({ weight }) => weight);
    expect(weights).toEqual([undefined, undefined, 'strong', 'quiet']);
  });

  it('of a bar is that of the chosen channel', () => {
    expect(text(write('bars-hover', subject(), FLAT))).toBe('sample 1 · channel 7 · g +1.7e1');
  });
});

describe('a comparison of training steps', () => {
  it.each([
    [1030, null, 'Gradient g, step 1,030 by channel, sample 1'],
    [1030, 5, 'Gradient g, step 1,030 minus step 5 by channel, sample 1'],
    [0, 20_000, 'Gradient g, step 0 minus step 20,000 by channel, sample 1'],
  ])('of step %i with %s', (step, base, words) => {
    const tensor = tensorWords({ comparedSteps: [step, base] });
    expect(write('heat-caption', subject({ tensor }), PLOT_ARRAY)).toEqual([{ text: words }]);
  });
});

describe('the status of a run', () => {
  it.each([
    ['is that of the step that is shown', 40, true, 'step 40 · loss 0.3'],
    ['is of the latest step where another one is shown', 40, false, 'latest: step 40 · loss 0.3'],
    ['is of the latest step, be it 0', 0, false, 'latest: step 40 · loss 0.3'],
    ['may be of the whole run, whatever its words are', null, false, 'step 40 · loss 0.3'],
  ])('%s', (_what, step, isLatestShown, words) => {
    expect(statusLine({ text: 'step 40 · loss 0.3', step }, isLatestShown)).toBe(words);
  });
});
