// What stands beside each other: as Python has it (tests/fixtures/matching.py).
import { describe, expect, it } from 'vitest';

import { fixture } from '../testing/golden';
import type { MatchedBy } from './matching';
import { matched } from './matching';

interface Case {
  readonly what: string;
  readonly runs: readonly (readonly { step: number; loss: number | null }[])[];
  readonly base: number;
  readonly step: number;
  readonly by: MatchedBy;
  readonly places: number[];
}

describe('what stands beside each other', () => {
  it.each(fixture('matching.json') as Case[])('$what', ({ runs, base, step, by, places }) => {
    const known = runs.map((run) => run.map((each) => ({ ...each, loss: each.loss ?? NaN })));
    expect(matched(known, base, step, by)).toEqual(places);
  });
});
