// Arrays off the wire and back: bfloat16 against the numbers of tests/fixtures/wire.py.
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { fromWire, toWire } from './wire';

const golden = JSON.parse(
  readFileSync(new URL('../../../tests/fixtures/wire.json', import.meta.url), 'utf8'),
) as { halves: number[]; values: (number | string)[] };

/** JSON has no NaN and no infinity: they stand there by name. */
const names: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };
const values = golden.values.map((value) => (typeof value === 'number' ? value : names[value]));

/** The bytes at an offset into a larger memory, as a message brings them. */
function inMessage(bytes: ArrayBuffer, offset: number): DataView {
  const message = new Uint8Array(bytes.byteLength + offset + 3).fill(255);
  message.set(new Uint8Array(bytes), offset);
  return new DataView(message.buffer, offset, bytes.byteLength);
}

describe.each([0, 1, 2, 4])('an array at byte %i of a message', (offset) => {
  it('is read as bfloat16', () => {
    const data = inMessage(Uint16Array.from(golden.halves).buffer, offset);
    const array = fromWire({ dtype: 'bfloat16', shape: [values.length], data });
    expect([...array!.values]).toEqual(values);
  });

  it('is read as float32', () => {
    const data = inMessage(Float32Array.from(values).buffer, offset);
    expect([...fromWire({ dtype: 'float32', shape: [values.length], data })!.values]).toEqual(values);
  });

  it('is written with its own bytes alone', () => {
    const data = inMessage(Float32Array.from([1, 2, 3, 4, 5, 6]).buffer, offset);
    const sent = toWire(fromWire({ dtype: 'float32', shape: [2, 3], data }));
    // ipywidgets saves the whole memory of a view
    const saved = new Float32Array((sent!.data as DataView).buffer as ArrayBuffer);
    expect([sent!.dtype, sent!.shape, [...saved]]).toEqual(['float32', [2, 3], [1, 2, 3, 4, 5, 6]]);
  });
});

describe('wire', () => {
  it('takes an array buffer, and nothing', () => {
    const data = Float32Array.from([7]).buffer;
    expect([...fromWire({ dtype: 'float32', shape: [1, 1], data })!.values]).toEqual([7]);
    expect(fromWire(null)).toBeNull();
    expect(toWire(null)).toBeNull();
  });

  it('refuses bfloat16 that does not fill its shape', () => {
    const wire = { dtype: 'bfloat16', shape: [2, 2], data: new ArrayBuffer(16) };
    expect(() => fromWire(wire)).toThrow(/must fill its shape; received 16 bytes for \(2,2\)/);
  });
});
