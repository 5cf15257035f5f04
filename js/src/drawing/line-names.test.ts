import { describe, expect, it } from 'vitest';

import { cutInTheMiddle, namedLines, nearestLine } from './line-names';

describe('the lines that are named', () => {
  it.each([
    [3, 1, null, 300, [0, 1, 2]],
    [10, 1, 4, 140, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [10, 4, 1, 139, [1, 4]],
    [11, 4, null, 900, [4]],
    [11, 4, 4, 900, [4]],
  ])(
    'of %d, with %d chosen and %s pointed at, on %d pixels',
    (count, chosen, over, height, names) => {
      expect(namedLines(count, chosen, over, height)).toEqual(names);
    },
  );
});

describe('the line that is pointed at', () => {
  it.each([
    [[[10], [30]], 12, 0],
    [[[10], [30]], 27, 1],
    [[[10], [50]], 30, null],
    [[[NaN], [31]], 20, 1],
    [[[10, 90], [50]], 85, 0],
    [[], 0, null],
  ])('of lines at %j from %d', (places, y, line) => {
    expect(nearestLine(places, y)).toBe(line);
  });
});

describe('a long name', () => {
  it.each([
    ['learning rate 0.05', 17, 'learning…ate 0.05'],
    ['learning rate 0.05', 9, 'lear…0.05'],
    ['learning rate 0.05', 18, 'learning rate 0.05'],
    ['abcdef', 4, 'a…ef'],
  ])('%s in %i characters is %s', (name, most, cut) => {
    expect(cutInTheMiddle(name, most)).toBe(cut);
    expect(cut.length).toBeLessThanOrEqual(most);
  });
});
