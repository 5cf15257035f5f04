// What a frame shows, as one standalone SVG: text stays text, SVG keeps the look that the style
// sheet gives it, canvases become images. Controls are left out.

import { elementNear } from '../drawing/shadow';
import { setAttributes, svg } from '../drawing/svg';
import type { Glyph, Style } from './svg-text';
import { inkOf, linesOf, printable, shared, styleOf } from './svg-text';

/** Space round the picture, in pixels. */
const PADDING = 8;

/** Elements that are there to be operated, not to be looked at. */
const LEFT_OUT =
  'button, input, select, .rnngrad-scrub, .rnngrad-choices, .rnngrad-sliders, .rnngrad-progress, .rnngrad-message, ' +
  '.widget-toggle-buttons, .widget-slider, .toolbar_div, .bqplot_tooltip_div';

const SHAPES = new Set(['circle', 'ellipse', 'line', 'path', 'polygon', 'polyline', 'rect']);
const TEXTS = new Set(['text', 'tspan']);
const GROUPS = new Set(['a', 'g', 'svg']);
/** Attributes that are copied. Looks are computed instead, and the others are for the page. */
const GEOMETRY = new Set(
  'x y dx dy x1 y1 x2 y2 cx cy r rx ry width height d points transform rotate textLength'.split(
    ' ',
  ),
);

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The picture of what `root` shows now. */
export function pictureOf(root: HTMLElement): string {
  return new Picture(root).text;
}

class Picture {
  constructor(private readonly root: HTMLElement) {
    const { left, top, width } = root.getBoundingClientRect();
    this.origin = { left, top };
    this.middle = left + width / 2;
    this.content.append(this.defs);
    // what is for screen readers only has no row of its own
    this.addRows([...root.children].filter((el) => !el.matches('.rnngrad-announcement')));
  }

  get text(): string {
    const [left, top] = [Math.floor(this.left) - PADDING, Math.floor(this.top) - PADDING];
    const width = Math.max(Math.ceil(this.right) + PADDING - left, 1);
    const height = Math.max(Math.ceil(this.bottom) + PADDING - top, 1);
    this.content.setAttribute('transform', `translate(${-left} ${-top})`);
    const picture = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` });
    picture.append(svg('rect', { width, height, fill: '#ffffff' }), this.content);
    return printable(new XMLSerializer().serializeToString(picture));
  }

  /**
   * Add elements that lie one under the other. One that shows nothing, such as controls, leaves no
   * gap.
   */
  private addRows(elements: Element[]): void {
    const rows = elements.map((element) => ({ element, box: element.getBoundingClientRect() }));
    const filled = rows.filter(({ box }) => box.height > 0).sort((a, b) => a.box.top - b.box.top);
    let start: number | null = null; // where the gap above begins
    for (const {
      element,
      box: { top },
    } of filled) {
      const gap = start === null ? 0 : top - start;
      const before = this.content.childNodes.length;
      this.origin.top += gap;
      this.add(element);
      if (this.content.childNodes.length > before) {
        start = null;
      } else {
        this.origin.top -= gap;
        start ??= top;
      }
    }
  }

  private add(element: Element): void {
    const style = getComputedStyle(element);
    if (element.matches(LEFT_OUT) || !isRendered(style)) {
      return;
    }
    if (element instanceof SVGSVGElement) {
      this.addSvg(element);
    } else if (element instanceof HTMLCanvasElement) {
      this.addCanvas(element, style);
    } else {
      for (const part of partsOf(element)) {
        if (part instanceof Element) {
          this.add(part);
        } else {
          this.addText(part, element, style);
        }
      }
    }
  }

  private addCanvas(canvas: HTMLCanvasElement, style: CSSStyleDeclaration): void {
    const box = this.place(canvas.getBoundingClientRect());
    const area = box.width * box.height * canvas.width * canvas.height;
    if (style.visibility !== 'visible' || area === 0) {
      return;
    }
    const image = svg('image', { ...box, preserveAspectRatio: 'none' });
    // cells stay sharp: otherwise a renderer blends neighbours
    setAttributes(image, { style: 'image-rendering:pixelated', href: canvas.toDataURL() });
    this.content.append(image);
    this.grow(box);
    const line = parseFloat(style.outlineWidth);
    if (style.outlineStyle !== 'none' && line > 0) {
      const out = parseFloat(style.outlineOffset) + line / 2; // to the middle of the line
      const outline = svg('rect', { x: box.x - out, y: box.y - out, fill: 'none' });
      setAttributes(outline, { width: box.width + 2 * out, height: box.height + 2 * out });
      setAttributes(outline, { stroke: inkOf(style.outlineColor)[0], 'stroke-width': line });
      this.content.append(outline);
    }
  }

  // -- SVG ---------------------------------------------------------------------------------------

  private addSvg(source: SVGSVGElement): void {
    const matrix = source.getScreenCTM();
    const copies = this.copies(source, false);
    if (matrix === null || copies.length === 0) {
      return;
    }
    const { a, b, c, d, e, f } = matrix;
    const [x, y] = [e - this.origin.left, f - this.origin.top];
    const group = svg('g', { transform: `matrix(${[a, b, c, d, x, y].join(' ')})` });
    group.append(...copies);
    this.content.append(group);
  }

  private copies(source: Element, clipped: boolean): Node[] {
    return [...source.childNodes].flatMap((child): Node[] => {
      if (child instanceof Text) {
        return TEXTS.has(source.localName) ? [document.createTextNode(child.data)] : [];
      }
      return child instanceof SVGElement ? this.copy(child, clipped) : [];
    });
  }

  /** Copy an element, with its computed look as attributes; nothing if it does not show. */
  private copy(source: SVGElement, clipped: boolean): SVGElement[] {
    const name = source.localName;
    const kind = kindOf(name);
    const style = getComputedStyle(source);
    if (
      kind === null ||
      !isRendered(style) ||
      (kind !== 'group' && style.visibility !== 'visible')
    ) {
      return [];
    }
    const look = styleOf(reader(style), kind);
    const inside = clipped || 'clip-path' in look;
    const children = this.copies(source, inside);
    const painted = look.fill !== 'none' || 'stroke' in look;
    if (kind === 'shape' ? !painted : children.length === 0) {
      return [];
    }
    // what is clipped lies within a frame that is measured by itself
    if (kind !== 'group' && !inside) {
      this.grow(this.place(source.getBoundingClientRect()));
    }
    const copy = svg((kind === 'group' ? 'g' : name) as 'g', this.withOwnReferences(look));
    for (const { name: attribute, value } of source.attributes) {
      if (GEOMETRY.has(attribute)) {
        copy.setAttribute(attribute, value);
      }
    }
    copy.append(...children);
    return [copy];
  }

  /** Copy what is referred to, such as a clip path, at its first use, under a name of our own. */
  private withOwnReferences(look: Style): Style {
    const values = Object.entries(look).map(([property, value]): [string, string] => {
      const id = /^url\(["']?[^"']*#([^"')]+)/.exec(value)?.[1];
      return [property, id === undefined ? value : this.reference(id)];
    });
    return Object.fromEntries(values.filter(([, value]) => value !== ''));
  }

  private reference(id: string): string {
    const source = elementNear(this.root, id);
    if (source === null) {
      return '';
    }
    const name = this.names.get(id) ?? `part${this.names.size}`;
    if (!this.names.has(id)) {
      this.names.set(id, name);
      const copy = source.cloneNode(true) as Element;
      copy.id = name;
      this.defs.append(copy);
    }
    return `url(#${name})`;
  }

  // -- text of HTML ------------------------------------------------------------------------------

  /** Add text, one element a line: so that a line holds together in another font too. */
  private addText(nodes: Text[], block: Element, style: CSSStyleDeclaration): void {
    const cut = style.textOverflow === 'ellipsis';
    const room = cut ? block.getBoundingClientRect().right : Infinity;
    const glyphs = nodes.flatMap(glyphsOf);
    for (const line of linesOf(glyphs, room, measured('…', style).width)) {
      const { left, right, top, bottom } = line;
      const looks = line.runs.map(({ look }) => styleOf(reader(look), 'html'));
      const [common, own] = shared(looks);
      // a caption is as wide as its words: its place shows which end must stay where it is
      const held = ['right', 'end'].includes(style.textAlign) && (left + right) / 2 > this.middle;
      const text = svg('text', {
        ...common,
        'xml:space': 'preserve',
        'text-anchor': held ? 'end' : 'start',
      });
      setAttributes(text, {
        x: rounded((held ? right : left) - this.origin.left),
        y: rounded(baseline(line.runs[0].look, top, bottom) - this.origin.top),
      });
      for (const [i, run] of line.runs.entries()) {
        const span = svg('tspan', own[i]);
        if (run.gap !== 0) {
          span.setAttribute('dx', String(run.gap));
        }
        span.textContent = run.text;
        text.append(span);
      }
      this.content.append(text);
      this.grow(this.place({ x: left, y: top, width: right - left, height: bottom - top }));
    }
  }

  // -- places ------------------------------------------------------------------------------------

  /** Convert a box of the page to coordinates of the picture. */
  private place({ x, y, width, height }: Box): Box {
    return { x: x - this.origin.left, y: y - this.origin.top, width, height };
  }

  private grow({ x, y, width, height }: Box): void {
    this.left = Math.min(this.left, x);
    this.top = Math.min(this.top, y);
    this.right = Math.max(this.right, x + width);
    this.bottom = Math.max(this.bottom, y + height);
  }

  private left = Infinity;
  private top = Infinity;
  private right = 0;
  private bottom = 0;
  /** The place on the page that is the origin of the picture. */
  private readonly origin: { left: number; top: number };
  private readonly middle: number;
  private readonly names = new Map<string, string>();
  private readonly content = svg('g');
  private readonly defs = svg('defs');
}

/** What an element of SVG is; null where it is not copied. */
function kindOf(name: string): 'group' | 'text' | 'shape' | null {
  if (GROUPS.has(name)) {
    return 'group';
  }
  if (TEXTS.has(name)) {
    return 'text';
  }
  return SHAPES.has(name) ? 'shape' : null;
}

function isRendered(style: CSSStyleDeclaration): boolean {
  return style.display !== 'none' && style.opacity !== '0';
}

function reader(style: CSSStyleDeclaration): (property: string) => string {
  return (property) => style.getPropertyValue(property);
}

/** The elements in it, in the order in which they are painted, and the text between them. */
function partsOf(element: Element): (Element | Text[])[] {
  const parts: (Element | Text[])[] = [];
  for (const node of element.childNodes) {
    const text = textIn(node);
    const last = parts[parts.length - 1];
    if (text === null) {
      parts.push(node as Element);
    } else if (Array.isArray(last)) {
      last.push(...text);
    } else {
      parts.push(text);
    }
  }
  const depth = (part: Element | Text[]): number =>
    part instanceof Element ? parseInt(getComputedStyle(part).zIndex, 10) || 0 : 0;
  return parts.sort((a, b) => depth(a) - depth(b));
}

/** The text of a node that flows in a line; null if it is laid out by itself. */
function textIn(node: Node): Text[] | null {
  if (node instanceof Text) {
    return [node];
  }
  if (!(node instanceof Element)) {
    return [];
  }
  if (
    node.matches(LEFT_OUT) ||
    getComputedStyle(node).display !== 'inline' ||
    node instanceof SVGElement
  ) {
    return null;
  }
  const parts = [...node.childNodes].map(textIn);
  return parts.includes(null) ? null : parts.flatMap((part) => part ?? []);
}

function glyphsOf(node: Text): Glyph<CSSStyleDeclaration>[] {
  const look = getComputedStyle(node.parentElement as Element);
  if (look.visibility !== 'visible') {
    return [];
  }
  const range = document.createRange();
  return [...new Intl.Segmenter().segment(node.data)].flatMap(({ segment, index }) => {
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const box = range.getClientRects()[0];
    // white space at the end of a line, or after other white space, has no width
    if (box === undefined || box.width === 0) {
      return [];
    }
    const { left, right, top, bottom } = box;
    return [{ text: segment.replace(/\s/g, ' '), left, right, top, bottom, look }];
  });
}

function baseline(look: CSSStyleDeclaration, top: number, bottom: number): number {
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = measured('x', look);
  return top + (bottom - top - above - below) / 2 + above;
}

function rounded(place: number): number {
  return Math.round(100 * place) / 100;
}

const ruler = document.createElement('canvas');

function measured(
  text: string,
  { fontStyle, fontWeight, fontSize, fontFamily }: CSSStyleDeclaration,
): TextMetrics {
  const context = ruler.getContext('2d') as CanvasRenderingContext2D;
  context.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  return context.measureText(text);
}
