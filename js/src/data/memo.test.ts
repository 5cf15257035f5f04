import { describe, expect, it, vi } from 'vitest';

import { LastKey, Memo } from './memo';

describe('a key', () => {
  const data = new Float32Array(2);
  it.each([
    [[1, 'a', data], [1, 'a', data], false],
    [[1, 'a', data], [2, 'a', data], true],
    [[1, 'a', data], [1, 'a', new Float32Array(2)], true],
    [[1, 'a'], [1], true],
    [[1], [1, undefined], true],
    [[NaN], [NaN], true],
    [[], [], false],
  ] as [unknown[], unknown[], boolean][])('%# has changed or not', (first, second, changed) => {
    const key = new LastKey();
    expect(key.changed(first)).toBe(true);
    expect(key.changed(second)).toBe(changed);
  });

  it('is another after it was cleared', () => {
    const key = new LastKey();
    key.changed([1]);
    key.clear();
    expect(key.changed([1])).toBe(true);
  });
});

describe('a memo', () => {
  it('makes its value again when the key changes, and when it was cleared', () => {
    const memo = new Memo<object>();
    const make = vi.fn(() => ({}));
    const first = memo.get([1, 2], make);
    expect(memo.get([1, 2], make)).toBe(first);
    expect(memo.get([1, 3], make)).not.toBe(first);
    memo.clear();
    memo.get([1, 3], make);
    expect(make).toHaveBeenCalledTimes(3);
  });

  it('does not make it again while it is being made', () => {
    const memo = new Memo<number>();
    const make = vi.fn((): number => memo.get([1], make) ?? 7);
    expect(memo.get([1], make)).toBe(7);
    expect(make).toHaveBeenCalledTimes(1);
  });

  it('whose making fails makes it the next time', () => {
    const memo = new Memo<number>();
    const fail = (): number => {
      throw new Error('no');
    };
    expect(() => memo.get([1], fail)).toThrow('no');
    expect(memo.get([1], () => 3)).toBe(3);
  });
});
