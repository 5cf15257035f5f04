// Numbers in words: pure functions, by example.
import { describe, expect, it } from 'vitest';

import {
  grouped,
  lossText,
  magnitudeOf,
  normOf,
  number,
  range,
  share,
  short,
  tick,
  ticks,
} from './format';

describe('format', () => {
  it.each([
    [0.031, false, '3.1e-2'],
    [-0.008, true, '−8.0e-3'],
    [0.0056, true, '+5.6e-3'],
    [0, true, '0'],
    [-0, true, '0'],
    [1234, false, '1.2e3'],
    [NaN, true, 'NaN'],
    [-Infinity, true, '−Inf'],
  ])('writes %d', (value, plus, text) => {
    expect(number(value, plus)).toBe(text);
  });

  it('puts bars around a symbol, and none around a norm', () => {
    expect(['g', '‖g‖'].map(normOf)).toEqual(['‖g‖', '‖g‖']);
    expect(['g', '‖g‖'].map(magnitudeOf)).toEqual(['|g|', '‖g‖']);
  });

  it('drops a zero decimal on axes', () => {
    expect([0.02, -0.015, 0].map(tick)).toEqual(['2e-2', '−1.5e-2', '0']);
  });

  it('writes small whole numbers as they are on axes', () => {
    expect([-20, 1, 999, 1000, 2.5].map(tick)).toEqual(['−20', '1', '999', '1e3', '2.5e0']);
  });

  it('writes a symmetric range with ±', () => {
    expect(range(-0.008, 0.008)).toBe('±8.0e-3');
    expect(range(-0.002, 0.008)).toBe('−2.0e-3 … +8.0e-3');
  });
});

describe('counts and shares', () => {
  it.each([
    [0, 10, '0 %'],
    [1, 10_000, '<0.1 %'],
    [31, 1000, '3.1 %'],
    [2, 10, '20 %'],
    [996, 1000, '99.6 %'],
    [9999, 10_000, '>99.9 %'],
    [10, 10, '100 %'],
  ])('%d of %d is a share of %s', (part, total, text) => {
    expect(share(part, total)).toBe(text);
  });

  it('shorten counts on axes only', () => {
    expect([0, 1, 800, 1000, 2500, 30_000, 1_500_000, 2e9].map(short)).toEqual([
      '0',
      '1',
      '800',
      '1k',
      '2.5k',
      '30k',
      '1.5M',
      '2G',
    ]);
    expect(grouped(1_234_567)).toBe('1,234,567');
  });
});

describe('words of large and small numbers', () => {
  it.each([
    [0, '0'],
    [0.3514, '0.351'],
    [12345, '12300'],
    [1e5, '1.0e5'],
    [2.34e15, '2.3e15'],
    [-1.2e-5, '−1.2e-5'],
    [-2.5, '−2.5'],
  ])('of the loss %d', (value, text) => {
    expect(lossText(value)).toBe(text);
  });
  it('has labels that tell one tick from the other', () => {
    expect(ticks([-0.02, 0, 0.015])).toEqual(['−2e-2', '0', '1.5e-2']);
    expect(ticks([1e15, 1.0002e15, 1.0004e15])).toEqual(['1e15', '1.0002e15', '1.0004e15']);
  });
});
