// Pure colouring: values to pixels through a table. No widgets, no DOM.

/** A colour as 0xAABBGGRR, the byte order of ImageData on little-endian machines. */
export type Packed = number;

/** Entries of a table: odd, so that the middle of a symmetric range (zero) has an entry of its own. */
export const TABLE_SIZE = 257;

export interface Table {
  readonly colours: Uint32Array;
  /** Values of the first and the last entry. */
  readonly min: number;
  readonly max: number;
}

/** The colour range: values outside take the colour of its ends. */
export interface Norm {
  readonly vmin: number;
  readonly vmax: number;
}

export function pack(r: number, g: number, b: number): Packed {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** Parse `#rgb`, `#rrggbb`, `rgb(r, g, b)` or `rgba(r, g, b, a)`. */
export function parseColour(text: string): Packed {
  const hex = text.match(/^#([0-9a-f]{3}|[0-9a-f]{6})$/i);
  if (hex) {
    const digits = hex[1].length === 3 ? hex[1].replace(/./g, '$&$&') : hex[1];
    const n = parseInt(digits, 16);
    return pack(n >> 16, (n >> 8) & 255, n & 255);
  }
  const rgb = text.match(/^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/);
  if (rgb) {
    return pack(Math.round(+rgb[1]), Math.round(+rgb[2]), Math.round(+rgb[3]));
  }
  throw new Error(`a colour must be #rgb, #rrggbb or rgb(...); received ${text}`);
}

/** Sample a colour scale at `TABLE_SIZE` evenly spaced values. */
export function makeTable(colourOf: (value: number) => string, min: number, max: number): Table {
  const colours = new Uint32Array(TABLE_SIZE);
  for (let i = 0; i < TABLE_SIZE; i++) {
    colours[i] = parseColour(colourOf(min + ((max - min) * i) / (TABLE_SIZE - 1)));
  }
  return { colours, min, max };
}

/** The entry of a finite value. */
export function entryOf(value: number, table: Table, norm: Norm): number {
  const v = value < norm.vmin ? norm.vmin : value > norm.vmax ? norm.vmax : value;
  const entry = Math.round(((v - table.min) / (table.max - table.min)) * (TABLE_SIZE - 1));
  return entry < 0 ? 0 : entry >= TABLE_SIZE ? TABLE_SIZE - 1 : entry;
}

/**
 * Colour `rows` x `cols` cells (row 0 at the bottom) into pixels (row 0 at the top).
 * NaN and infinities take `nonFinite`.
 */
export function paintCells(
  cells: Float32Array,
  rows: number,
  cols: number,
  table: Table,
  norm: Norm,
  nonFinite: Packed,
  out: Uint32Array,
): void {
  const { colours, min, max } = table;
  const { vmin, vmax } = norm;
  const scale = (TABLE_SIZE - 1) / (max - min);
  for (let r = 0; r < rows; r++) {
    let from = r * cols;
    let to = (rows - 1 - r) * cols;
    for (let c = 0; c < cols; c++, from++, to++) {
      let v = cells[from];
      if (v - v !== 0) {
        out[to] = nonFinite; // NaN and infinities are the values that differ from themselves by NaN
        continue;
      }
      v = v < vmin ? vmin : v > vmax ? vmax : v;
      const entry = ((v - min) * scale + 0.5) | 0;
      out[to] = colours[entry < 0 ? 0 : entry >= TABLE_SIZE ? TABLE_SIZE - 1 : entry];
    }
  }
}
