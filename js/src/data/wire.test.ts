// Arrays off the wire and back: bfloat16 against the numbers of tests/fixtures/wire.py.
import { describe, expect, it } from 'vitest';

import type { Value } from '../testing/golden';
import { fixture, number } from '../testing/golden';
import { fromWire, toWire } from './wire';

const golden = fixture('wire.json') as { halves: number[]; values: Value[] };
const values = golden.values.map(number);

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
    expect([...array.values]).toEqual(values);
  });

  it('is read as float32', () => {
    const data = inMessage(Float32Array.from(values).buffer, offset);
    expect([...fromWire({ dtype: 'float32', shape: [values.length], data }).values]).toEqual(
      values,
    );
  });

  it('is written with its own bytes alone', () => {
    const data = inMessage(Float32Array.from([1, 2, 3, 4, 5, 6]).buffer, offset);
    const sent = toWire(fromWire({ dtype: 'float32', shape: [2, 3], data }));
    // ipywidgets saves the whole memory of a view
    const saved = new Float32Array((sent.data as DataView).buffer as ArrayBuffer);
    expect([sent.dtype, sent.shape, [...saved]]).toEqual(['float32', [2, 3], [1, 2, 3, 4, 5, 6]]);
  });
});

describe('wire', () => {
  it('takes an array buffer, and nothing', () => {
    const data = Float32Array.from([7]).buffer;
    expect([...fromWire({ dtype: 'float32', shape: [1, 1], data }).values]).toEqual([7]);
    expect(fromWire(null)).toBeNull();
    expect(toWire(null)).toBeNull();
  });

  it('refuses bfloat16 that does not fill its shape', () => {
    const wire = { dtype: 'bfloat16', shape: [2, 2], data: new ArrayBuffer(16) };
    expect(() => fromWire(wire)).toThrow(/must fill its shape; received 16 bytes for \(2,2\)/);
  });
});

describe('a buffer of float32', () => {
  const bytes = new Uint8Array(4 * 6 + 3);
  new Float32Array(bytes.buffer, 0, 6).set([1, 2, 3, 4, 5, 6]);

  it('reads an aligned buffer in place and one that is not by copying', () => {
    const wire = (offset: number): Parameters<typeof fromWire>[0] => ({
      dtype: 'float32',
      shape: [1, 2],
      data: new DataView(bytes.buffer, offset, 8),
    });
    expect([...(fromWire(wire(4))?.values ?? [])]).toEqual([2, 3]);
    expect(fromWire(wire(4))?.values.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(12);
    shifted.set(new Uint8Array(Float32Array.from([8, 9]).buffer), 3);
    const odd = { dtype: 'float32', shape: [1, 2], data: new DataView(shifted.buffer, 3, 8) };
    expect([...(fromWire(odd)?.values ?? [])]).toEqual([8, 9]);
  });

  it('refuses another type and a buffer that does not fit', () => {
    const data = new DataView(bytes.buffer, 0, 8);
    expect(() => fromWire({ dtype: 'float64', shape: [1], data })).toThrow(/received float64/);
    expect(() => fromWire({ dtype: 'float32', shape: [3], data })).toThrow(/received 8 bytes/);
  });

  it('sends back what came', () => {
    const array = fromWire({
      dtype: 'float32',
      shape: [2, 3],
      data: new DataView(bytes.buffer, 0, 24),
    });
    const wire = toWire(array);
    expect(wire?.shape).toEqual([2, 3]);
    expect(fromWire(wire)?.values).toEqual(array?.values);
    expect(toWire(fromWire(null))).toBeNull();
  });
});
