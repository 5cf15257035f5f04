// The names of lines, at their ends in the right margin.

import { spaceLabels } from '../drawing/label-spacing';
import { setAttributes, svg } from '../drawing/svg';
import { sampleTextColour } from '../drawing/theme';

/** Where a label wants to be. */
export interface LineEnd {
  readonly sample: number;
  readonly y: number;
}

/** Make a label for each line, in its colour; that of the chosen one, or pointed at, is bold. */
export function lineNames(
  ends: readonly LineEnd[],
  chosen: number,
  hovered: number | null,
  x: number,
  [low, high]: readonly [number, number],
): SVGElement[] {
  const places = spaceLabels(
    ends.map(({ y }) => y),
    low,
    high,
  );
  return ends.map(({ sample }, i) => {
    const isBold = sample === chosen || sample === hovered;
    const label = svg('text', {
      class: `rnngrad-label rnngrad-${isBold ? 'strong' : 'quiet'}`,
      // the chosen line is drawn in ink
      style: sample === chosen ? '' : `fill: ${sampleTextColour(sample)}`,
    });
    setAttributes(label, { x, y: places[i] });
    label.textContent = `sample ${sample}`;
    return label;
  });
}
