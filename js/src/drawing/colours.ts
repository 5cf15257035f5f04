// Pure colouring: values to pixels through a table. No widgets, no DOM.

/** A colour as 0xAABBGGRR, the byte order of ImageData on little-endian machines. */
export type Packed = number;

/**
 * Entries of a table. Odd, so that zero, the middle of a symmetric range, has an entry of its own.
 */
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

/** A colour for every float32, by the upper half of its bits. */
export type Palette = Uint32Array;

/**
 * Precompute the colours of a norm, one for all numbers that share their upper 16 bits.
 *
 * Painting a cell is one look-up then. The relative error is 2^-9 at most, half a table entry. NaN
 * and infinities take `nonFinite`.
 */
export function makePalette(table: Table, norm: Norm, nonFinite: Packed): Palette {
  const palette = new Uint32Array(1 << 16);
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  for (let key = 0; key < palette.length; key++) {
    bits[0] = (key << 16) | 0x8000;
    const infinite = (key & 0x7f80) === 0x7f80;
    palette[key] = infinite ? nonFinite : table.colours[entryOf(value[0], table, norm)];
  }
  return palette;
}

/** Decades of the logarithmic map, downwards from the limit of the norm. */
export const LOG_DECADES = 8;

/** Place of a magnitude on the logarithmic map: 0 at the limit, -8 eight decades below it. */
export function logPlace(magnitude: number, limit: number): number {
  return Math.min(Math.log10(magnitude / limit), 0);
}

/**
 * Precompute the colours of log10|v|, over a table that spans [-8, 0]; `below` for what is smaller.
 */
export function makeLogPalette(
  table: Table,
  limit: number,
  below: Packed,
  nonFinite: Packed,
): Palette {
  const palette = new Uint32Array(1 << 16);
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  const norm = { vmin: table.min, vmax: table.max };
  for (let key = 0; key < palette.length; key++) {
    bits[0] = (key << 16) | 0x8000;
    const place = logPlace(Math.abs(value[0]), limit);
    const infinite = (key & 0x7f80) === 0x7f80;
    const finite = place < -LOG_DECADES ? below : table.colours[entryOf(place, table, norm)];
    palette[key] = infinite ? nonFinite : finite;
  }
  return palette;
}

/** Colour cells, which `pool` laid out, into the rows of an image. Row 0 becomes the lowest row. */
export function paintCells(
  cells: Float32Array,
  rows: number,
  cols: number,
  palette: Palette,
  out: Uint32Array,
): void {
  const bits = new Uint32Array(cells.buffer, cells.byteOffset, cells.length);
  let to = 0;
  for (let r = rows - 1; r >= 0; r--) {
    for (let from = r; from < rows * cols; from += rows) {
      out[to++] = palette[bits[from] >>> 16];
    }
  }
}
