// Lines on a canvas: what they cover where points are as dense as pixels, and their path where not.
import { describe, expect, it } from 'vitest';

import { coverage, eachColumn, polyline } from './polyline';

type Column = [column: number, low: number, high: number];

function columnsOf(x0: number, dx: number, ...ys: number[]): Column[] {
  const found: Column[] = [];
  eachColumn(x0, dx, Float64Array.from(ys), (...column) => found.push(column));
  return found;
}

describe('the columns of a line', () => {
  it.each([
    [
      'a point each',
      0,
      1,
      [5, 7],
      [
        [0, 5, 5],
        [1, 5, 7],
      ],
    ],
    [
      'several points',
      0,
      0.5,
      [5, 9, 1, 3],
      [
        [0, 5, 5],
        [1, 1, 9],
        [2, 1, 3],
      ],
    ],
    [
      'a gap',
      0,
      1,
      [5, NaN, 7],
      [
        [0, 5, 5],
        [2, 7, 7],
      ],
    ],
    [
      'infinity is a gap',
      0,
      1,
      [Infinity, 2, -Infinity, 3],
      [
        [1, 2, 2],
        [3, 3, 3],
      ],
    ],
    [
      'a gap at the end of a column, and one in it',
      0,
      0.25,
      [1, NaN, 3, 9, NaN, 2, NaN],
      [
        [0, 1, 1],
        [1, 2, 9],
      ],
    ],
    ['no point at all', 0, 1, [NaN, NaN], []],
    [
      'a line that starts elsewhere',
      10.4,
      1,
      [1, 2],
      [
        [10, 1, 1],
        [11, 1, 2],
      ],
    ],
  ] as [string, number, number, number[], Column[]][])('%s', (_what, x0, dx, ys, columns) => {
    expect(columnsOf(x0, dx, ...ys)).toEqual(columns);
  });
});

describe('how many lines cover a pixel', () => {
  const rows = (width: number, counts: Uint16Array): number[][] =>
    Array.from({ length: counts.length / width }, (_, i) => [
      ...counts.slice(i * width, (i + 1) * width),
    ]);

  it('is counted where they run', () => {
    const lines = [Float64Array.of(0, 0, 2), Float64Array.of(0, 1, 1)];
    expect(rows(3, coverage(0, 1, lines, 3, 3))).toEqual([
      [2, 2, 1],
      [0, 1, 2],
      [0, 0, 1],
    ]);
  });

  it('is cut at the edges of the image', () => {
    const lines = [Float64Array.of(9, 9, -9, -9, 1, 1)];
    expect(rows(2, coverage(-2, 1, lines, 2, 3))).toEqual([
      [1, 1],
      [1, 1],
      [1, 0], // the line is above the image here, and comes back in the column that is rounded up
    ]);
    expect([...coverage(7, 1, lines, 2, 3)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('has room for its last column, which may be rounded up beyond the image', () => {
    expect([...coverage(1.5, 1, [Float64Array.of(0)], 2, 1)]).toEqual([0, 1]);
  });
});

/** What a line draws, as words. */
function drawnBy(
  x0: number,
  dx: number,
  ys: number[],
  lineWidth = 2,
  dash: number[] = [],
): string[] {
  const log: string[] = [];
  const context = {
    lineWidth,
    strokeStyle: '#123456',
    fillStyle: '',
    getLineDash: () => dash,
    beginPath: () => log.push('begin'),
    moveTo: (x: number, y: number) => log.push(`move ${x} ${y}`),
    lineTo: (x: number, y: number) => log.push(`line ${x} ${y}`),
    stroke: () => log.push('stroke'),
    fillRect: (...box: number[]) => log.push(`fill ${box.join(' ')} ${context.fillStyle}`),
  };
  polyline(context as unknown as CanvasRenderingContext2D, x0, dx, Float64Array.from(ys));
  return log;
}

describe('a line', () => {
  it('is one path where points are apart', () => {
    expect(drawnBy(1, 10, [5, 6, 7])).toEqual([
      'begin',
      'move 1 5',
      'line 11 6',
      'line 21 7',
      'stroke',
    ]);
  });

  it('has gaps where values are not finite; a lone point is a pixel long', () => {
    expect(drawnBy(0, 2, [1, 2, NaN, 3, Infinity, 4])).toEqual([
      'begin',
      'move 0 1',
      'line 2 2',
      'move 6 3',
      'line 7 3',
      'move 10 4',
      'line 11 4',
      'stroke',
    ]);
  });

  it('leaves the columns out in which a dashed line has its gap', () => {
    const columns = drawnBy(0, 1, [4, 4, 4, 4, 4, 4], 2, [2, 1]).map((fill) => fill.split(' ')[1]);
    expect(columns).toEqual(['-1', '0', '2', '3']); // half the pen's width before 0, 1, 3 and 4
  });

  it('is a bar in each column, as wide as the pen, where points are dense', () => {
    expect(drawnBy(0, 1, [5, 8])).toEqual(['fill -1 4 2 2 #123456', 'fill 0 4 2 5 #123456']);
  });
});
