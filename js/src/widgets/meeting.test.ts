// Hosts and guests that come in any order, in several pages.
import { describe, expect, it } from 'vitest';

import { close, join, leave, open } from './meeting';

function host(): { seen: string[]; left: string[]; calls: number } & Parameters<typeof open>[2] {
  return {
    seen: [] as string[],
    left: [] as string[],
    calls: 0,
    join(guests: readonly unknown[]) {
      this.calls++;
      this.seen.push(...(guests as string[]));
    },
    leave(guest: unknown) {
      this.left.push(guest as string);
    },
  };
}

describe('guests', () => {
  it('that came first join all at once, those that come later at once', () => {
    const [manager, here, other] = [{}, host(), host()];
    join(manager, 'a', '1');
    join(manager, 'b', 'x');
    join(manager, 'a', '2');
    open(manager, 'a', here);
    expect([here.seen, here.calls]).toEqual([['1', '2'], 1]);
    join(manager, 'a', '3');
    expect(here.seen).toEqual(['1', '2', '3']);
    open(manager, 'b', other);
    expect(other.seen).toEqual(['x']);
  });

  it('that leave while they wait never join', () => {
    const [manager, here] = [{}, host()];
    join(manager, 'a', '1');
    leave(manager, 'a', '1');
    open(manager, 'a', here);
    expect([here.seen, here.calls]).toEqual([[], 0]);
    join(manager, 'a', '2');
    leave(manager, 'a', '2');
    expect(here.left).toEqual(['2']);
  });

  it('of another page have the same ids and another host', () => {
    const [one, two, here, there] = [{}, {}, host(), host()];
    open(one, 'a', here);
    open(two, 'a', there);
    join(two, 'a', '1');
    expect([here.seen, there.seen]).toEqual([[], ['1']]);
  });

  it('find nobody where the host has closed', () => {
    const [manager, here] = [{}, host()];
    open(manager, 'a', here);
    close(manager, 'a');
    join(manager, 'a', '1');
    leave(manager, 'b', '1');
    expect(here.seen).toEqual([]);
  });
});
