// Small things that the cursor draws along the axes.

import { setAttributes, show, svg } from './svg';

/** An index on an axis, in a filled box; it covers the tick label under it. */
export class Chip {
  readonly box = svg('rect', { class: 'rnngrad-chip', height: 16, rx: 2 });
  readonly text = svg('text', { class: 'rnngrad-chip-text' });

  /** Move its middle, or the middle of its right edge, to (x, y); without text, hide it. */
  place(text: string | null, x: number, y: number, anchor: 'middle' | 'end'): void {
    show(this.box, text !== null);
    show(this.text, text !== null);
    if (text === null) {
      return;
    }
    const width = 7 * text.length + 9;
    const left = anchor === 'middle' ? x - width / 2 : x - width;
    setAttributes(this.box, { x: left, y: y - 8, width });
    setAttributes(this.text, { x: left + width / 2, y: y + 4 });
    this.text.textContent = text;
  }
}

/** The name of a gate, and the line that divides it from the gate before. */
export function border(
  gate: string,
  index: number,
  line: Record<string, number>,
  x: number,
  y: number,
): SVGElement[] {
  const name = svg('text', { class: 'rnngrad-gate', x, y });
  name.textContent = gate;
  return index === 0 ? [name] : [svg('line', { class: 'rnngrad-gate-border', ...line }), name];
}
