// The parts of an exported picture that need no page.
import { describe, expect, it } from 'vitest';

import type { Glyph, Style } from './svg-text';
import { fileName, inkOf, linesOf, printable, shared, styleOf } from './svg-text';

/** Characters 10 wide, from x = 0, each line 20 high; `look` is a letter for each character. */
function glyphs(text: string, look: string, line = 0, start = 0): Glyph<string>[] {
  return [...text].map((character, i) => ({
    text: character,
    look: look[i % look.length],
    left: start + 10 * i,
    right: start + 10 * i + 10,
    top: 20 * line,
    bottom: 20 * line + 15,
  }));
}

describe('lines of text', () => {
  it('are runs of one look', () => {
    const [line] = linesOf(glyphs('v +1.7', 'aabbbb'));
    expect(line.runs).toEqual([
      { text: 'v ', look: 'a', gap: 0 },
      { text: '+1.7', look: 'b', gap: 0 },
    ]);
    expect([line.left, line.right, line.top, line.bottom]).toEqual([0, 60, 0, 15]);
  });

  it('break where the page breaks them', () => {
    const lines = linesOf([...glyphs('one', 'a'), ...glyphs('two', 'a', 1)]);
    expect(lines.map(({ runs }) => runs[0].text)).toEqual(['one', 'two']);
  });

  it('keep a gap that no character fills', () => {
    const [line] = linesOf([...glyphs('a', 'a'), ...glyphs('b', 'a', 0, 16)]);
    expect(line.runs.map(({ gap }) => gap)).toEqual([0, 6]);
  });

  it('end in an ellipsis where there is no room', () => {
    expect(linesOf(glyphs('abcdef', 'a'), 60, 10)[0].runs[0].text).toBe('abcdef');
    expect(linesOf(glyphs('abcdef', 'a'), 45, 10)[0].runs[0].text).toBe('abc…');
    expect(linesOf([], 45, 10)).toEqual([]);
  });
});

describe('looks', () => {
  const read = (values: Record<string, string>) => (property: string) => values[property] ?? '';

  it('are what SVG does not assume anyway', () => {
    const line = {
      fill: 'none',
      stroke: 'rgb(26, 26, 26)',
      'stroke-width': '2px',
      'stroke-dasharray': '4px, 3px',
    };
    const usual = {
      opacity: '0.55',
      'fill-opacity': '1',
      'stroke-opacity': '1',
      'stroke-linecap': 'butt',
    };
    expect(styleOf(read({ ...line, ...usual }), 'shape')).toEqual({
      fill: 'none',
      stroke: '#1a1a1a',
      'stroke-width': '2px',
      'stroke-dasharray': '4px, 3px',
      opacity: '0.55',
    });
  });

  it('have no stroke where none is drawn', () => {
    const look = styleOf(
      read({ fill: 'rgb(0, 0, 0)', stroke: 'rgba(0, 0, 0, 0)', 'stroke-width': '3px' }),
      'shape',
    );
    expect(Object.keys(look)).not.toContain('stroke-width');
  });

  it('of HTML take its colour', () => {
    const text = {
      color: 'rgb(95, 99, 104)',
      fill: 'rgb(0, 0, 0)',
      'font-size': '11px',
      'font-weight': '600',
    };
    const look = styleOf(read({ ...text, 'font-variant-numeric': 'tabular-nums' }), 'html');
    expect(look.fill).toBe('#5f6368');
    expect(look['font-weight']).toBe('600');
    expect(look.style).toBe('font-variant-numeric:tabular-nums');
  });

  it('are split into what all share and the rest', () => {
    const looks: Style[] = [
      { fill: '#111111', 'font-size': '11px' },
      { fill: '#111111', 'font-size': '11px', 'font-weight': '600' },
    ];
    expect(shared(looks)).toEqual([
      { fill: '#111111', 'font-size': '11px' },
      [{}, { 'font-weight': '600' }],
    ]);
  });

  it('write colours the way of SVG 1.1', () => {
    expect(inkOf('rgb(255, 0, 9)')).toEqual(['#ff0009', 1]);
    expect(inkOf('rgba(26, 26, 26, 0.5)')).toEqual(['#1a1a1a', 0.5]);
    expect(inkOf('rgba(0, 0, 0, 0)')).toEqual(['none', 1]);
    expect(inkOf('none')).toEqual(['none', 1]);
  });
});

describe('names and characters', () => {
  it.each([
    ['lstm output_gradient', 'png', 'lstm-output_gradient.png'],
    [
      'encoder/bi_gru weight_gradient forward/kernel',
      'svg',
      'encoder-bi_gru-weight_gradient-forward-kernel.svg',
    ],
    ['../../etc/passwd', 'png', 'etc-passwd.png'],
    ['C:\\a<b>|"?*\n', 'png', 'C-a-b.png'],
    ['…', 'png', 'figure.png'],
    ['.hidden', 'svg', 'hidden.svg'],
    ['слой 层', 'png', 'слой-层.png'],
  ])('%s is saved as %s: %s', (stem, format, name) => {
    expect(fileName(stem, format)).toBe(name);
  });

  it('no name is too long for a file system', () => {
    expect(fileName('x'.repeat(1000), 'png').length).toBeLessThan(110);
  });

  it('what XML cannot hold is replaced', () => {
    expect(printable('a\u0000b\u001bc\td\n')).toBe('a\ufffdb\ufffdc\td\n');
  });
});
