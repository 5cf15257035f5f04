import { describe, expect, it } from 'vitest';

import type { Group } from './saved';
import { fitting, leftOutText, MOST_SAVED, NOTEBOOK_SIZE } from './saved';

const array = (bytes: number): Group => ({ bytes, isRun: false });
const run = (bytes: number): Group => ({ bytes, isRun: true });

describe('what is saved', () => {
  it.each<[string, Group[], boolean[]]>([
    ['nothing', [], []],
    ['all that fits, to the last byte', [run(6), array(4)], [true, true]],
    ['arrays before a run that is smaller', [run(3), array(8)], [false, true]],
    ['small arrays before large ones', [array(9), array(4), array(5)], [false, true, true]],
    ['small runs before large ones', [run(7), run(2), array(3)], [false, true, true]],
    ['what still fits beside what does not', [array(11), run(10)], [false, true]],
  ])('is %s', (_what, groups, wanted) => {
    const kept = fitting(groups, 10);
    expect(groups.map((group) => kept.has(group))).toEqual(wanted);
  });

  it('keeps a notebook below what is told, in base64', () => {
    expect(Math.ceil(MOST_SAVED / 3) * 4).toBeLessThan(0.9 * NOTEBOOK_SIZE);
    expect(fitting([run(MOST_SAVED)]).size).toBe(1);
    expect(fitting([run(MOST_SAVED + 1)]).size).toBe(0);
  });

  it('says what was left out, why, and what to do', () => {
    expect(leftOutText('12 snapshots', 39_600_000)).toBe(
      'Left out when the notebook was saved, because it would be larger than 50 MB: 12 snapshots (40 MB). Run the cell again to see more.',
    );
  });
});
