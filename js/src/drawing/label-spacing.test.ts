import { describe, expect, it } from 'vitest';

import { spaceLabels } from './label-spacing';

describe('labels in the margin', () => {
  it('keeps labels apart and inside', () => {
    expect(spaceLabels([50, 52, 10], 9, 100)).toEqual([50, 64, 10]);
    expect(spaceLabels([99, 98], 9, 100)).toEqual([100, 86]);
  });
});
