import type { IClassicComm } from '@jupyter-widgets/base';

type Callbacks = Parameters<IClassicComm['send']>[1];
type Buffers = (ArrayBuffer | ArrayBufferView)[];
type Data = Parameters<IClassicComm['send']>[0];
type Listener = (message: never) => void;

/** What the browser sends to Python through a tunnel. */
export interface Outgoing {
  readonly comm: string;
  readonly kind: 'message' | 'open' | 'close';
  readonly target?: string;
  readonly data?: Data;
}

/** Sends a message; returns its id. */
export type Send = (message: Outgoing, callbacks: Callbacks, buffers: Buffers) => string;

/** The browser's end of a widget's comm, whose messages go through a tunnel. */
export class TunnelComm implements IClassicComm {
  constructor(
    readonly comm_id: string,
    readonly target_name: string,
    private readonly transmit: Send,
  ) {}

  open(data: Data, callbacks?: Callbacks, _metadata?: unknown, buffers: Buffers = []): string {
    const { comm_id: comm, target_name: target } = this;
    return this.transmit({ comm, kind: 'open', target, data }, callbacks, buffers);
  }

  send(data: Data, callbacks?: Callbacks, _metadata?: unknown, buffers: Buffers = []): string {
    return this.transmit({ comm: this.comm_id, kind: 'message', data }, callbacks, buffers);
  }

  close(data?: Data, callbacks?: Callbacks, _metadata?: unknown, buffers: Buffers = []): string {
    return this.transmit({ comm: this.comm_id, kind: 'close', data }, callbacks, buffers);
  }

  on_msg(listener: Listener): void {
    this.messageListener = listener;
    this.waiting.splice(0).forEach(listener);
  }

  on_close(listener: Listener): void {
    this.closeListener = listener;
  }

  /** Hand a message of Python over; it waits for a model that is still being made. */
  receive(message: unknown): void {
    if (this.messageListener === undefined) {
      this.waiting.push(message as never);
    } else {
      this.messageListener(message as never);
    }
  }

  /** Tell the model that Python has closed the comm. */
  closed(): void {
    this.closeListener?.({ content: { comm_id: this.comm_id, data: {} } } as never);
  }

  private messageListener: Listener | undefined;
  private closeListener: Listener | undefined;
  private readonly waiting: never[] = [];
}
