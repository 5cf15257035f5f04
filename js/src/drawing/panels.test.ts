// Where the panels of a grid are: pure functions, by property.
import { describe, expect, it } from 'vitest';

import type { Panel } from './panels';
import { layOut, pageOf, panelAt, ROOM } from './panels';

const [WIDTH, HEIGHT] = [1048, 552];

function overlap(a: Panel, b: Panel): boolean {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down =
    Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top - ROOM.name, b.top - ROOM.name);
  return across > 0 && down > 0;
}

describe('layout of panels', () => {
  const sizes = [
    [WIDTH, HEIGHT],
    [596, 492],
    [300, 120],
  ];
  const cases = sizes.flatMap(([width, height]) =>
    [1, 2, 3, 6, 7, 16, 24, 64].flatMap((count) =>
      [null, 1, 2, 5, 64].map((rows) => ({ count, rows, width, height })),
    ),
  );
  it.each(cases)(
    '$count panels in $rows rows on $width x $height',
    ({ count, rows, width, height }) => {
      const panels = layOut(10, count, width, height, rows);
      expect(panels.map(({ index }) => index)).toEqual(
        Array.from({ length: count }, (_, i) => 10 + i),
      );
      for (const panel of panels) {
        expect(panel.left).toBeGreaterThanOrEqual(0);
        expect(panel.left + panel.width).toBeLessThanOrEqual(width);
        expect(panel.top).toBeGreaterThanOrEqual(ROOM.name);
        expect(panel.top + panel.height).toBeLessThanOrEqual(height - ROOM.ticks);
        expect(panels.filter((other) => other !== panel && overlap(panel, other))).toEqual([]);
        // under the lowest ones are ticks, and no panel
        const below = panels.some(({ left, top }) => left === panel.left && top > panel.top);
        expect(panel.lowest).toBe(!below);
        expect(panel.first).toBe(panel.left === 0);
      }
    },
  );

  it.each([
    [16, 4, [4, 4]],
    [16, 1, [1, 16]],
    [6, 2, [2, 3]],
    [7, 2, [2, 4]],
    [3, 8, [3, 1]],
    [1, null, [1, 1]],
    [64, 8, [8, 8]],
  ] as const)('%i panels in %s rows are %s', (count, rows, [down, across]) => {
    const panels = layOut(0, count, WIDTH, HEIGHT, rows);
    expect(new Set(panels.map(({ top }) => top)).size).toBe(down);
    expect(new Set(panels.map(({ left }) => left)).size).toBe(across);
  });

  it('leaves every panel some height, however many rows are asked for', () => {
    for (const height of [HEIGHT, 120]) {
      const panels = layOut(0, 64, WIDTH, height, 64);
      expect(Math.min(...panels.map((panel) => panel.height))).toBeGreaterThanOrEqual(8);
    }
  });

  it('fills the place, in panels of one size, broader than high', () => {
    const panels = layOut(0, 64, WIDTH, HEIGHT, null);
    expect(Math.max(...panels.map(({ left, width }) => left + width))).toBe(WIDTH);
    for (const { width, height } of panels) {
      expect(Math.abs(width - panels[0].width)).toBeLessThanOrEqual(1);
      expect(Math.abs(height - panels[0].height)).toBeLessThanOrEqual(1);
      expect(width).toBeGreaterThan(height);
    }
  });

  it('has no panels for nothing', () => {
    expect(layOut(0, 0, WIDTH, HEIGHT, null)).toEqual([]);
  });

  it('turns the page after so many', () => {
    expect([0, 63, 64, 127, 128].map((index) => pageOf(index, 64))).toEqual([1, 1, 2, 2, 3]);
  });

  it('finds a panel at its corners and by its name, and none between', () => {
    const panels = layOut(24, 6, WIDTH, HEIGHT, 2);
    for (const { index, left, top, width, height } of panels) {
      expect(panelAt(panels, left, top)?.index).toBe(index);
      expect(panelAt(panels, left, top - ROOM.name)?.index).toBe(index);
      expect(panelAt(panels, left + width - 1, top + height - 1)?.index).toBe(index);
      expect(panelAt(panels, left + width, top)).toBeNull();
      expect(panelAt(panels, left, top + height)).toBeNull();
    }
  });
});
