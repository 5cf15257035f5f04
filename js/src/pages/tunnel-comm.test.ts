// What a model hears of a comm whose messages go through a tunnel, and what is sent.
import { describe, expect, it } from 'vitest';

import type { Outgoing } from './tunnel-comm';
import { TunnelComm } from './tunnel-comm';

function aComm(): { comm: TunnelComm; sent: [Outgoing, unknown][] } {
  const sent: [Outgoing, unknown][] = [];
  const comm = new TunnelComm('id', 'jupyter.widget', (message, _callbacks, buffers) => {
    sent.push([message, buffers]);
    return `page-${sent.length}`;
  });
  return { comm, sent };
}

describe('the comm of a widget in a tunnel', () => {
  it('keeps messages until a model listens, in their order', () => {
    const { comm } = aComm();
    const heard: unknown[] = [];
    comm.receive('first');
    comm.receive('second');
    comm.on_msg((message) => heard.push(message));
    comm.receive('third');
    expect(heard).toEqual(['first', 'second', 'third']);
  });

  it('tells a model once that Python has closed it', () => {
    const { comm } = aComm();
    const heard: unknown[] = [];
    comm.closed();
    comm.on_close((message) => heard.push(message));
    comm.closed();
    expect(heard).toEqual([{ content: { comm_id: 'id', data: {} } }]);
  });

  it('sends with the id of the message, and the target where it is opened', () => {
    const { comm, sent } = aComm();
    const buffers = [new ArrayBuffer(2)];
    expect(comm.open({ a: 1 })).toBe('page-1');
    expect(comm.send({ b: 2 }, undefined, {}, buffers)).toBe('page-2');
    expect(comm.close()).toBe('page-3');
    expect(sent).toEqual([
      [{ comm: 'id', kind: 'open', target: 'jupyter.widget', data: { a: 1 } }, []],
      [{ comm: 'id', kind: 'message', data: { b: 2 } }, buffers],
      [{ comm: 'id', kind: 'close', data: undefined }, []],
    ]);
  });
});
