// Arrays on the wire: the named type, the shape and the bytes. Pure, no widgets.

/** The comm target that Python sends arrays of snapshots to; Python's constant has the same name. */
export const ARRAYS = 'rnngrad_widgets.arrays';

/** Bytes of a number of each type. */
const BYTES: Record<string, number | undefined> = { float32: 4, bfloat16: 2 };

/** What travels: the named type, the shape and the bytes, little-endian, C order. */
export interface Wire {
  dtype: string;
  shape: number[];
  data: DataView | ArrayBuffer;
}

/** The array as it is kept: on the wire's own memory where its alignment allows. */
export interface DenseArray {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

export function fromWire(wire: Wire): DenseArray;
export function fromWire(wire: Wire | null): DenseArray | null;
export function fromWire(wire: Wire | null): DenseArray | null {
  if (wire === null) {
    return null;
  }
  const size = BYTES[wire.dtype];
  if (size === undefined) {
    throw new Error(`the array must be ${Object.keys(BYTES).join(' or ')}; received ${wire.dtype}`);
  }
  const { buffer, byteOffset, byteLength } =
    wire.data instanceof ArrayBuffer ? new DataView(wire.data) : wire.data;
  const count = wire.shape.reduce((product, n) => product * n, 1);
  if (byteLength !== size * count) {
    throw new Error(
      `the buffer must fill its shape; received ${byteLength} bytes for (${wire.shape})`,
    );
  }
  // a typed array must start at a multiple of its element's size; a message's buffer starts
  // anywhere
  const [start, memory] =
    byteOffset % size === 0
      ? [byteOffset, buffer]
      : [0, buffer.slice(byteOffset, byteOffset + byteLength)];
  const values =
    wire.dtype === 'bfloat16'
      ? fromBfloat16(new Uint16Array(memory, start, count))
      : new Float32Array(memory, start, count);
  return { values, shape: wire.shape };
}

/** Widen bfloat16, the upper halves of float32 numbers: the lower halves are zero. */
function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    bits[i] = halves[i] << 16;
  }
  return new Float32Array(bits.buffer);
}

export function toWire(array: DenseArray): Wire;
export function toWire(array: DenseArray | null): Wire | null;
export function toWire(array: DenseArray | null): Wire | null {
  if (array === null) {
    return null;
  }
  const { buffer, byteOffset, byteLength } = array.values;
  // ipywidgets saves the whole memory of a view, and the array may be only a part of it
  const whole = byteLength === buffer.byteLength;
  const memory = whole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  return { dtype: 'float32', shape: [...array.shape], data: new DataView(memory) };
}
