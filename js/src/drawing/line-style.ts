// What tells lines of several experiments apart besides their colours.

import { svg } from './svg';
import { sampleColour } from './theme';

/** Pixels of line and gap, of one experiment after the other; Python's figures have the same. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 2], [8, 2, 2, 2]];

const WIDTH = 24;
const HEIGHT = 12;

export function dashOf(group: number): readonly number[] {
  return DASHES[group % DASHES.length];
}

/** A piece of the line, for the words that name it. */
export function lineSwatch(group: number): SVGElement {
  const swatch = svg('svg', {
    class: 'rnngrad-swatch',
    width: WIDTH,
    height: HEIGHT,
    'aria-hidden': 'true',
    style: `stroke: ${sampleColour(group)}`,
  });
  const y = HEIGHT / 2;
  const dash = dashOf(group).join(' ');
  swatch.append(
    svg('line', { x2: WIDTH, y1: y, y2: y, 'stroke-width': 3, 'stroke-dasharray': dash }),
  );
  return swatch;
}
