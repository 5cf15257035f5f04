// The parts of a picture that need no page: lines of text, the look of an element, names.

/** SVG properties by name; only those that differ from what SVG assumes. */
export type Style = Record<string, string>;

/** A character on the page: its box, and what tells its look. */
export interface Glyph<Look> {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly look: Look;
}

/** Characters of one look in a row. */
export interface Run<Look> {
  text: string;
  readonly look: Look;
  /** Pixels between it and the run before. */
  readonly gap: number;
}

export interface Line<Look> {
  readonly runs: Run<Look>[];
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Join characters, in reading order, to lines. A line that goes on beyond `room` ends in an
 * ellipsis.
 */
export function linesOf<Look>(glyphs: Glyph<Look>[], room = Infinity, ellipsis = 0): Line<Look>[] {
  const lines: Glyph<Look>[][] = [];
  for (const glyph of glyphs) {
    const before = lines[lines.length - 1]?.[0];
    const middle = (glyph.top + glyph.bottom) / 2;
    if (before === undefined || middle < before.top || middle > before.bottom) {
      lines.push([]);
    }
    lines[lines.length - 1].push(glyph);
  }
  return lines.map((line) => lineOf(shortened(line, room, ellipsis)));
}

function shortened<Look>(line: Glyph<Look>[], room: number, ellipsis: number): Glyph<Look>[] {
  if (line[line.length - 1].right <= room + 0.5) {
    return line;
  }
  const kept = line.filter((glyph) => glyph.right <= room - ellipsis);
  const last = kept[kept.length - 1] ?? line[0];
  return [...kept, { ...last, text: '…', left: last.right, right: last.right + ellipsis }];
}

function lineOf<Look>(glyphs: Glyph<Look>[]): Line<Look> {
  const runs: Run<Look>[] = [];
  glyphs.forEach(({ text, look, left }, i) => {
    const before = runs[runs.length - 1];
    const gap = i === 0 ? 0 : Math.round((left - glyphs[i - 1].right) * 100) / 100;
    if (before?.look === look && Math.abs(gap) < 0.5) {
      before.text += text;
    } else {
      runs.push({ text, look, gap: Math.abs(gap) < 0.5 ? 0 : gap });
    }
  });
  const { left, top, bottom } = glyphs[0];
  return { runs, left, right: glyphs[glyphs.length - 1].right, top, bottom };
}

/** A computed colour as SVG 1.1 has it: `#rrggbb`, or `none`, and an opacity. */
export function inkOf(colour: string): [string, number] {
  const parts = /^rgba?\(([^)]*)\)$/.exec(colour)?.[1].split(/[\s,/]+/);
  if (parts === undefined) {
    return [colour === 'transparent' ? 'none' : colour, 1];
  }
  const [red, green, blue, alpha = 1] = parts.map(Number);
  const hex = [red, green, blue].map((part) => Math.round(part).toString(16).padStart(2, '0'));
  return alpha === 0 ? ['none', 1] : [`#${hex.join('')}`, alpha];
}

const STROKE: Style = {
  'stroke-width': '1px',
  'stroke-dasharray': 'none',
  'stroke-dashoffset': '0px',
  'stroke-linecap': 'butt',
  'stroke-linejoin': 'miter',
};

const FONT: Style = {
  'font-family': '',
  'font-size': '',
  'font-style': 'normal',
  'font-weight': '400',
  'letter-spacing': 'normal',
};

const GROUP: Style = { opacity: '1', 'clip-path': 'none' };
const SHAPE: Style = {
  ...GROUP,
  'fill-rule': 'nonzero',
  'shape-rendering': 'auto',
  'paint-order': 'normal',
};
const TEXT: Style = {
  ...GROUP,
  ...FONT,
  'paint-order': 'normal',
  'text-anchor': 'start',
  'dominant-baseline': 'auto',
};

/**
 * The look of an element, as attributes.
 *
 * @param read - gives the computed value of a property
 * @param kind - of the element; text of HTML has its colour in another property
 */
export function styleOf(
  read: (property: string) => string,
  kind: 'group' | 'shape' | 'text' | 'html',
): Style {
  const wanted = { group: GROUP, shape: SHAPE, text: TEXT, html: FONT }[kind];
  const look = unlike(wanted, read);
  if (kind === 'group') {
    return look;
  }
  if (kind === 'html') {
    Object.assign(look, inkAttributes('fill', read('color'), 1));
  } else {
    Object.assign(look, inkAttributes('fill', read('fill'), Number(read('fill-opacity'))));
    const stroke = inkAttributes('stroke', read('stroke'), Number(read('stroke-opacity')));
    if (stroke.stroke !== 'none') {
      Object.assign(look, stroke, unlike(STROKE, read));
    }
  }
  const figures = kind === 'shape' ? '' : read('font-variant-numeric');
  return figures === '' || figures === 'normal'
    ? look
    : { ...look, style: `font-variant-numeric:${figures}` };
}

/** What all looks have in common, and what each has of its own. */
export function shared(looks: Style[]): [Style, Style[]] {
  const same = (property: string): boolean =>
    looks.every((look) => look[property] === looks[0][property]);
  const part = (look: Style, common: boolean): Style =>
    Object.fromEntries(Object.entries(look).filter(([property]) => same(property) === common));
  return [part(looks[0] ?? {}, true), looks.map((look) => part(look, false))];
}

function unlike(assumed: Style, read: (property: string) => string): Style {
  const values = Object.keys(assumed).map((property): [string, string] => [
    property,
    read(property),
  ]);
  return Object.fromEntries(
    values.filter(([property, value]) => value !== '' && value !== assumed[property]),
  );
}

function inkAttributes(name: 'fill' | 'stroke', colour: string, opacity: number): Style {
  const [ink, alpha] = inkOf(colour);
  const all = alpha * opacity;
  return all === 1 || ink === 'none'
    ? { [name]: ink }
    : { [name]: ink, [`${name}-opacity`]: String(all) };
}

/** The text without the control characters that XML cannot hold, not even escaped. */
export function printable(xml: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are replaced
  return xml.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}

/** A name that every file system takes: `lstm output_gradient` to `lstm-output_gradient.png`. */
export function fileName(stem: string, format: string): string {
  const name = stem.normalize('NFC').replace(/[^\p{L}\p{N}_.]+/gu, '-');
  const trimmed = [...name]
    .slice(0, 100)
    .join('')
    .replace(/^[-.]+|[-.]+$/g, '');
  return `${trimmed || 'figure'}.${format}`;
}
