// The colour range, its sliders and its button: each change by a table, and what holds after any.
import { describe, expect, it } from 'vitest';

import type { NormState } from './norm-state';
import { nextNorm, placeSliders } from './norm-state';
import { LAST_LIMIT_INDEX, LAST_RANGE_INDEX, limitAt } from './norms';

const symmetric = (limit: number): { vmin: number; vmax: number } => ({
  vmin: -limit,
  vmax: limit,
});

/** The automatic range ±0.1 on sliders up to 1, with the sliders where it is. */
const AUTO = placeSliders({
  norm: symmetric(0.1),
  auto: true,
  autoLimit: 0.1,
  maxDecade: 0,
  limitIndex: 0,
  rangeIndices: [0, 0],
});

/** A range that was chosen. */
const CHOSEN = placeSliders({ ...AUTO, norm: { vmin: -0.2, vmax: 0.5 }, auto: false });

describe('the start', () => {
  it('is with both sliders where the norm is', () => {
    expect(limitAt(AUTO.limitIndex, 0)).toBe(0.1);
    expect(AUTO.rangeIndices).toEqual([-20, 20]);
    expect(limitAt(CHOSEN.limitIndex, 0)).toBe(0.5);
    expect(CHOSEN.rangeIndices).toEqual([-40, 100]);
  });
});

interface Case {
  readonly what: string;
  readonly from: NormState;
  readonly change: Partial<NormState>;
  /** What is other than before; the rest is as it was. */
  readonly gives: Partial<NormState>;
}

const CASES: Case[] = [
  // the slider of a symmetric range
  {
    what: 'the limit slider sets a symmetric range and ends auto',
    from: AUTO,
    change: { limitIndex: LAST_LIMIT_INDEX },
    gives: {
      norm: symmetric(1),
      auto: false,
      limitIndex: LAST_LIMIT_INDEX,
      rangeIndices: [-LAST_RANGE_INDEX, LAST_RANGE_INDEX],
    },
  },
  {
    what: 'the limit slider that was placed, not moved, leaves an exact range alone',
    from: { ...CHOSEN, limitIndex: 3 },
    change: { limitIndex: CHOSEN.limitIndex },
    gives: { limitIndex: CHOSEN.limitIndex },
  },
  // the slider with two handles
  {
    what: 'one handle moves one end; the other keeps its exact value',
    from: placeSliders({ ...CHOSEN, norm: { vmin: -0.1234, vmax: 0.5 } }),
    change: { rangeIndices: [-25, 150] },
    gives: {
      norm: { vmin: -0.1234, vmax: 0.75 },
      rangeIndices: [-25, 150],
      limitIndex: placeSliders({ ...CHOSEN, norm: symmetric(0.75) }).limitIndex,
    },
  },
  {
    what: 'a handle ends auto',
    from: AUTO,
    change: { rangeIndices: [-20, 40] },
    gives: {
      norm: { vmin: -0.1, vmax: 0.2 },
      auto: false,
      rangeIndices: [-20, 40],
      limitIndex: placeSliders({ ...AUTO, norm: symmetric(0.2) }).limitIndex,
    },
  },
  {
    what: 'both handles on one place keep the range, and stay for as long as they are held',
    from: CHOSEN,
    change: { rangeIndices: [100, 100] },
    gives: { rangeIndices: [100, 100] },
  },
  // the range itself
  {
    what: 'a range that is set moves both sliders and ends auto',
    from: AUTO,
    change: { norm: { vmin: -0.2, vmax: 0.5 } },
    gives: {
      norm: CHOSEN.norm,
      auto: false,
      limitIndex: CHOSEN.limitIndex,
      rangeIndices: [-40, 100],
    },
  },
  {
    what: 'a range beyond the sliders puts them at their ends',
    from: AUTO,
    change: { norm: symmetric(50) },
    gives: {
      norm: symmetric(50),
      auto: false,
      limitIndex: LAST_LIMIT_INDEX,
      rangeIndices: [-LAST_RANGE_INDEX, LAST_RANGE_INDEX],
    },
  },
  {
    what: 'the automatic range, chosen by hand, is not automatic',
    from: CHOSEN,
    change: { norm: symmetric(0.1) },
    gives: { norm: AUTO.norm, limitIndex: AUTO.limitIndex, rangeIndices: AUTO.rangeIndices },
  },
  {
    what: 'a range that is set with auto off stays, also where it is the automatic one',
    from: AUTO,
    change: { norm: symmetric(0.2), auto: false, autoLimit: 0.2 },
    gives: {
      norm: symmetric(0.2),
      auto: false,
      autoLimit: 0.2,
      limitIndex: placeSliders({ ...AUTO, norm: symmetric(0.2) }).limitIndex,
      rangeIndices: [-40, 40],
    },
  },
  // the button
  {
    what: 'auto goes to the automatic range',
    from: CHOSEN,
    change: { auto: true },
    gives: {
      norm: AUTO.norm,
      auto: true,
      limitIndex: AUTO.limitIndex,
      rangeIndices: AUTO.rangeIndices,
    },
  },
  {
    what: 'auto off leaves the range',
    from: AUTO,
    change: { auto: false },
    gives: { auto: false },
  },
  // Python
  {
    what: 'auto with the range of another tensor takes that of the tensor here',
    from: CHOSEN,
    change: { norm: symmetric(0.7), auto: true },
    gives: {
      norm: AUTO.norm,
      auto: true,
      limitIndex: AUTO.limitIndex,
      rangeIndices: AUTO.rangeIndices,
    },
  },
  {
    what: 'a new tensor brings its range: it stays automatic',
    from: AUTO,
    change: { norm: symmetric(0.02), autoLimit: 0.02, maxDecade: -1 },
    gives: {
      norm: symmetric(0.02),
      autoLimit: 0.02,
      maxDecade: -1,
      limitIndex: placeSliders({ ...AUTO, norm: symmetric(0.02), maxDecade: -1 }).limitIndex,
      rangeIndices: [-40, 40],
    },
  },
  {
    what: 'a new tensor under a chosen range moves the sliders only',
    from: CHOSEN,
    change: { autoLimit: 3, maxDecade: 1 },
    gives: {
      autoLimit: 3,
      maxDecade: 1,
      limitIndex: CHOSEN.limitIndex - 10,
      rangeIndices: [-4, 10],
    },
  },
  {
    what: 'nothing is moved by nothing',
    from: CHOSEN,
    change: {},
    gives: {},
  },
];

describe('a change of the norm', () => {
  it.each(CASES)('$what', ({ from, change, gives }) => {
    expect(nextNorm(from, change)).toEqual({ ...from, ...gives });
  });
});

describe('after any changes', () => {
  const limits = [1e-3, 0.02, 0.5, 1, 7];
  const changes: Partial<NormState>[] = [
    ...limits.map((limit) => ({ norm: symmetric(limit) })),
    ...limits.map((limit) => ({ norm: { vmin: -limit, vmax: 2 * limit }, auto: true })),
    ...limits.map((limit, i) => ({ norm: symmetric(limit), autoLimit: limit, maxDecade: i - 3 })),
    ...[0, 17, 40, 80].map((limitIndex) => ({ limitIndex })),
    { rangeIndices: [-200, 10] },
    { rangeIndices: [5, 6] },
    { rangeIndices: [30, 30] },
    { maxDecade: 2 },
    { auto: true },
    { auto: false },
  ];
  // each change after each pair of others
  const starts = changes.flatMap((first) =>
    changes.map((second) => nextNorm(nextNorm(AUTO, first), second)),
  );
  const ends = starts.flatMap((state) => changes.map((change) => nextNorm(state, change)));

  it('auto means the automatic range', () => {
    for (const end of ends) {
      expect(end.auto && end.norm.vmax !== end.autoLimit).toBe(false);
      expect(end.auto && end.norm.vmin !== -end.autoLimit).toBe(false);
    }
  });

  it('the range is not empty, and the sliders say what it is', () => {
    for (const end of ends) {
      const [low, high] = end.rangeIndices;
      const placed = placeSliders(end);
      expect(end.norm.vmin).toBeLessThan(end.norm.vmax);
      // both handles on one place are still held there
      expect(end).toEqual(low === high ? { ...placed, rangeIndices: [low, high] } : placed);
    }
  });

  it('a state that is settled stays as it is', () => {
    for (const end of ends) {
      const { norm, auto, ...sliders } = end;
      expect(nextNorm(end, sliders)).toEqual(end);
      expect(nextNorm(end, auto ? { norm, auto } : { norm })).toEqual(placeSliders(end));
    }
  });
});
