// Arrays on the wire: the named type, the shape and the bytes. Pure, no widgets.

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

export function fromWire(wire: Wire | null): DenseArray | null {
  if (wire === null) {
    return null;
  }
  if (wire.dtype !== 'float32') {
    throw new Error(`the array must be float32; received ${wire.dtype}`);
  }
  const { buffer, byteOffset, byteLength } =
    wire.data instanceof ArrayBuffer ? new DataView(wire.data) : wire.data;
  const count = wire.shape.reduce((product, n) => product * n, 1);
  if (byteLength !== 4 * count) {
    throw new Error(`the buffer must fill its shape; received ${byteLength} bytes for (${wire.shape})`);
  }
  // a Float32Array must start at a multiple of 4 bytes, a message's buffer may start anywhere
  const values =
    byteOffset % 4 === 0
      ? new Float32Array(buffer, byteOffset, count)
      : new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  return { values, shape: wire.shape };
}

export function toWire(array: DenseArray | null): Wire | null {
  if (array === null) {
    return null;
  }
  const { buffer, byteOffset, byteLength } = array.values;
  return {
    dtype: 'float32',
    shape: [...array.shape],
    data: new DataView(buffer, byteOffset, byteLength),
  };
}
