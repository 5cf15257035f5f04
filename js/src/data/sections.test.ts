import { describe, expect, it } from 'vitest';

import { rowsOfSection, sectionOf } from './sections';

const SECTIONS = [
  { name: 'kernel', start: 1, rows: 'feature' },
  { name: 'bias', start: 5, rows: '' },
];

describe('sections of rows', () => {
  it.each([
    [null, [0, 9]],
    [0, [1, 5]],
    [1, [5, 9]],
    [2, [0, 9]],
  ] as const)('number %s holds rows %j', (index, rows) => {
    expect(rowsOfSection(SECTIONS, index, 9)).toEqual(rows);
  });

  it.each([
    [0, null],
    [1, 0],
    [4, 0],
    [5, 1],
    [8, 1],
  ])('row %i is in number %s', (row, index) => {
    expect(sectionOf(SECTIONS, row)).toBe(index);
    expect(sectionOf([], row)).toBeNull();
  });
});
