// What a page sends to a kernel that runs a cell, and to one that does not.
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { restoreOnConnection, restoreWhileBusy } from './busy-kernel';

vi.mock('@jupyterlab/services', () => ({
  KernelMessage: {
    createMessage: ({ msgType, content }: { msgType: string; content: object }) => ({
      header: { msg_type: msgType },
      content,
    }),
  },
}));

type Content = Record<string, string>;

/** A kernel connection, as far as it is used; `sent` is where each message goes. */
class Connection {
  readonly sent: [string, string | undefined][] = [];
  readonly deleted: string[] = [];
  readonly disposals: number[] = [];
  supportsSubshells = false;
  connectionStatus = 'connected';
  private readonly listeners = new Set<(sender: unknown, status: string) => void>();
  readonly connectionStatusChanged = {
    connect: (listener: (sender: unknown, status: string) => void) => this.listeners.add(listener),
    disconnect: (listener: () => void) => this.listeners.delete(listener),
  };
  answer!: () => void;
  readonly info = new Promise<void>((resolve) => {
    this.answer = resolve;
  });
  /** Messages that JupyterLab has not sent yet. */
  private readonly pending: KernelMessage.IShellMessage[] = [];
  /** What lets each message be answered, if it went to a subshell. */
  private readonly answers: (() => void)[] = [];

  constructor(
    readonly ended: Promise<void>,
    readonly made: Promise<string>,
  ) {}

  sendShellMessage(message: KernelMessage.IShellMessage): { done: Promise<void> } {
    this.pending.push(message);
    const answered = new Promise<void>((resolve) => this.answers.push(resolve));
    const isInSubshell = (): boolean => message.header.subshell_id !== undefined;
    return { done: this.ended.then(async () => (isInSubshell() ? answered : undefined)) };
  }

  become(status: string): void {
    this.connectionStatus = status;
    this.listeners.forEach((listener) => listener(this, status));
  }

  say(type: string, content: Content = {}, subshell?: string): void {
    const message = { header: { msg_type: type, subshell_id: subshell }, content };
    this.sendShellMessage(message as never);
  }

  flush(): void {
    for (const { header } of this.pending.splice(0)) {
      this.sent.push([header.msg_type, header.subshell_id]);
      if (header.msg_type === 'kernel_info_request' && header.subshell_id !== undefined) {
        this.answer();
      }
    }
  }

  reply(most = Infinity): void {
    this.answers.splice(0, most).forEach((answer) => answer());
  }

  async requestKernelInfo(): Promise<void> {
    this.say('kernel_info_request');
    return this.info;
  }

  async requestCommInfo(): Promise<void> {
    this.say('comm_info_request');
    return Promise.resolve();
  }

  requestDeleteSubshell({ subshell_id }: { subshell_id: string }): void {
    this.deleted.push(subshell_id);
  }

  /** The connection over which a subshell is asked for. */
  another?: Connection;

  clone(): unknown {
    const done = this.made.then((subshell_id) => ({ content: { subshell_id } }));
    this.another = new Connection(this.ended, this.made);
    return Object.assign(this.another, {
      sendControlMessage: () => ({ done }),
      dispose: () => this.disposals.push(1),
    });
  }
}

function made(
  subshell: Promise<string>,
  methods: Partial<Connection> = {},
): { kernel: Connection; end: () => void; done: Promise<void> } {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const kernel = Object.assign(new Connection(ended, subshell), methods);
  const done = restoreWhileBusy(kernel as unknown as Kernel.IKernelConnection);
  return { kernel, end, done };
}

const SUBSHELL = Promise.resolve('S');
const NONE = new Promise<string>(() => undefined);
/** A comm in which the page asks for the states of all widgets. */
const CONTROL = { comm_id: 'C', target_name: 'jupyter.widget.control' };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('a busy kernel', () => {
  it('gets what restores widgets in a subshell, until the cell has ended', async () => {
    const { kernel, end, done } = made(SUBSHELL);
    kernel.say('comm_open', CONTROL);
    kernel.say('execute_request');
    await vi.advanceTimersByTimeAsync(600);
    kernel.flush();
    kernel.say('comm_msg', { comm_id: 'C' });
    kernel.say('comm_msg', { comm_id: 'C' }, 'own');
    kernel.say('execute_request');
    kernel.flush();
    expect(kernel.sent).toEqual([
      ['comm_open', 'S'],
      ['execute_request', undefined],
      ['kernel_info_request', undefined],
      ['kernel_info_request', 'S'],
      ['comm_msg', 'S'],
      ['comm_msg', 'own'],
      ['execute_request', undefined],
    ]);
    expect([kernel.deleted, kernel.disposals]).toEqual([[], [1]]);
    kernel.reply();
    end();
    await done;
    kernel.say('comm_msg', { comm_id: 'C' });
    kernel.flush();
    expect(kernel.sent.at(-1)).toEqual(['comm_msg', undefined]);
    expect(kernel.deleted).toEqual(['S']);
  });

  it('keeps the subshell until all in it is answered', async () => {
    const { kernel, end, done } = made(SUBSHELL);
    await vi.advanceTimersByTimeAsync(600);
    kernel.flush();
    kernel.reply();
    kernel.say('comm_open', CONTROL);
    end();
    await vi.advanceTimersByTimeAsync(600);
    expect(kernel.deleted).toEqual([]);
    kernel.say('comm_close', { comm_id: 'C' });
    kernel.flush();
    expect(kernel.sent.at(-1)).toEqual(['comm_close', 'S']);
    kernel.reply(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(kernel.deleted).toEqual([]);
    kernel.reply();
    await done;
    expect(kernel.deleted).toEqual(['S']);
  });

  it('never knows the subshell as that of a widget, which would be deaf without it', async () => {
    const { kernel } = made(SUBSHELL);
    kernel.say('comm_open', { comm_id: 'W', target_name: 'jupyter.widget' });
    await vi.advanceTimersByTimeAsync(600);
    kernel.say('comm_msg', { comm_id: 'W' });
    kernel.say('comm_close', { comm_id: 'of Python' });
    kernel.flush();
    expect(kernel.sent.filter(([type]) => type.startsWith('comm'))).toEqual([
      ['comm_open', undefined],
      ['comm_msg', undefined],
      ['comm_close', undefined],
    ]);
  });

  it('deletes a subshell that is made while the cell ends', async () => {
    let make!: (subshell: string) => void;
    const { kernel, end, done } = made(new Promise((resolve) => (make = resolve)));
    await vi.advanceTimersByTimeAsync(600);
    kernel.supportsSubshells = true;
    kernel.answer();
    end();
    await vi.advanceTimersByTimeAsync(600);
    expect(kernel.disposals).toEqual([]);
    make('S');
    await vi.advanceTimersByTimeAsync(600);
    kernel.reply();
    await done;
    expect([kernel.deleted, kernel.disposals]).toEqual([['S'], [1]]);
  });

  it('gets what JupyterLab holds back as soon as there is a subshell', async () => {
    const { kernel } = made(SUBSHELL);
    kernel.say('comm_open', CONTROL);
    const first = vi.fn(() => kernel.flush());
    void kernel.requestKernelInfo().then(first); // JupyterLab's own, which waits for the cell
    await vi.advanceTimersByTimeAsync(490);
    expect(first).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(first).toHaveBeenCalledOnce();
    expect(kernel.sent).toContainEqual(['comm_open', 'S']);
  });

  it('is asked for its comms where they can be told', async () => {
    const { kernel } = made(SUBSHELL);
    void kernel.requestCommInfo();
    await vi.advanceTimersByTimeAsync(490);
    kernel.flush();
    expect(kernel.sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    kernel.flush();
    expect(kernel.sent).toContainEqual(['comm_info_request', 'S']);
  });

  it('without subshells is waited for', async () => {
    const { kernel, end, done } = made(NONE);
    kernel.say('comm_open', CONTROL);
    await vi.advanceTimersByTimeAsync(5000);
    kernel.flush();
    expect(kernel.sent).toEqual([['comm_open', undefined]]);
    end();
    kernel.answer();
    await done;
    await vi.advanceTimersByTimeAsync(0);
    expect([kernel.deleted, kernel.disposals]).toEqual([[], [1]]);
  });
});

describe('an idle kernel', () => {
  it('is left alone once it has answered', async () => {
    const { kernel, done } = made(SUBSHELL);
    const { sendShellMessage } = kernel;
    kernel.answer();
    await done;
    expect(kernel.sendShellMessage).not.toBe(sendShellMessage);
    await kernel.requestCommInfo();
    kernel.say('comm_open', CONTROL);
    kernel.flush();
    expect(kernel.sent).toEqual([
      ['comm_info_request', undefined],
      ['comm_open', undefined],
    ]);
    expect(kernel.disposals).toEqual([]);
  });
});

describe('a connection that is back', () => {
  it('lets widgets be restored in a subshell, until the cell has ended', async () => {
    let end!: () => void;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const kernel = new Connection(ended, SUBSHELL);
    kernel.supportsSubshells = true;
    kernel.answer();
    restoreOnConnection(kernel as unknown as Kernel.IKernelConnection);
    await vi.advanceTimersByTimeAsync(600);
    for (const status of ['disconnected', 'connecting', 'disconnected', 'connecting']) {
      kernel.become(status);
    }
    // the one that is sent first makes JupyterLab hold back the others
    kernel.say('comm_open', CONTROL);
    kernel.become('connected');
    kernel.say('comm_msg', { comm_id: 'C' });
    kernel.say('execute_request');
    await vi.advanceTimersByTimeAsync(10);
    kernel.flush();
    expect(kernel.sent).toEqual([
      ['kernel_info_request', undefined],
      ['comm_open', 'S'],
      ['comm_msg', 'S'],
      ['execute_request', undefined],
      ['kernel_info_request', 'S'],
    ]);
    expect([kernel.deleted, kernel.disposals]).toEqual([[], [1]]);
    end();
    await vi.advanceTimersByTimeAsync(10);
    expect(kernel.deleted).toEqual([]);
    kernel.reply();
    await vi.advanceTimersByTimeAsync(10);
    expect(kernel.deleted).toEqual(['S']);
    kernel.say('comm_msg');
    kernel.flush();
    expect(kernel.sent.at(-1)).toEqual(['comm_msg', undefined]);
  });
});

it('a page that goes away meanwhile is no error', async () => {
  const requestKernelInfo = async (): Promise<void> => Promise.reject(new Error('disposed'));
  const { kernel, done } = made(SUBSHELL, { requestKernelInfo });
  await vi.advanceTimersByTimeAsync(600);
  await done;
  expect(kernel.disposals).toEqual([1]);
});

it('a kernel that is restarted meanwhile is connected before that connection is closed', async () => {
  let cancel!: (reason: Error) => void;
  const { kernel, done } = made(new Promise((_resolve, reject) => (cancel = reject)));
  await vi.advanceTimersByTimeAsync(600);
  kernel.another?.become('connecting');
  cancel(new Error('Canceled future'));
  await done;
  expect(kernel.disposals).toEqual([]);
  kernel.another?.become('connected');
  await vi.advanceTimersByTimeAsync(0);
  expect(kernel.disposals).toEqual([1]);
});
