// Which snapshots of a run are kept, and which one is shown.
import { describe, expect, it } from 'vitest';

import type { Numbered } from './run';
import { nearestIndex, shownIndex, thinned, withSnapshot } from './run';

/** Snapshots 0, 1, 2 .. at these training steps. */
function run(...steps: number[]): Numbered[] {
  return steps.map((step, number) => ({ number, step }));
}

const steps = (snapshots: readonly Numbered[]): number[] => snapshots.map(({ step }) => step);

describe('a snapshot that joins', () => {
  it.each([
    ['the first', [], { number: 0, step: 5 }, [5], []],
    ['the latest', run(0, 10), { number: 2, step: 20 }, [0, 10, 20], []],
    ['one that comes late', run(0, 10), { number: 0.5, step: 7 }, [0, 7, 10], []],
    ['one that comes before all', run(3), { number: -1, step: 1 }, [1, 3], []],
    ['one of a step that is there', run(0, 10), { number: 1, step: 10 }, [0, 10], [10]],
  ])('%s has its place', (_what, before, snapshot, kept, gone) => {
    const change = withSnapshot(before, snapshot);
    expect(steps(change.kept)).toEqual(kept);
    expect(steps(change.gone)).toEqual(gone);
    expect(change.kept).toContain(snapshot);
    expect(change.gone).not.toContain(snapshot);
  });
});

describe('thinning of a run', () => {
  const whole = run(...Array.from({ length: 10 }, (_, i) => 100 * i));

  it.each([
    [1000, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]],
    [6, [0, 200, 400, 600, 800, 900]],
    [4, [0, 400, 800, 900]],
    [1, [0, 900]],
  ])('to %i keeps the first and the last, and some evenly', (capacity, kept) => {
    const change = thinned(whole, capacity);
    expect(steps(change.kept)).toEqual(kept);
    expect(steps(change.gone)).toEqual(steps(whole).filter((step) => !kept.includes(step)));
  });

  it('is the same in one go and one by one', () => {
    let kept: readonly Numbered[] = [];
    for (const snapshot of whole) {
      kept = thinned(withSnapshot(kept, snapshot).kept, 4).kept;
    }
    expect(kept).toEqual(thinned(whole, 4).kept);
  });

  it('of nothing is nothing', () => {
    expect(thinned([], 4)).toEqual({ kept: [], gone: [] });
  });
});

describe('what is shown', () => {
  it.each([
    [10, false, 1],
    [14, false, 1],
    [20, false, 2],
    [99, false, 2],
    [-5, false, 0],
    [10, true, 2],
    [null, false, 2],
  ])('of the steps 0, 10, 20 for step %s, follow %s, has index %i', (step, follow, index) => {
    expect(shownIndex(run(0, 10, 20), step, follow)).toBe(index);
  });

  it('is nothing where there is nothing', () => {
    expect(shownIndex([], null, true)).toBe(-1);
    expect(shownIndex([], 5, false)).toBe(-1);
  });

  it.each([
    [-3, 0],
    [4, 0],
    [5, 0],
    [6, 1],
    [30, 2],
  ])('nearest to step %i has index %i', (step, index) => {
    expect(nearestIndex(run(0, 10, 20), step)).toBe(index);
  });
});
