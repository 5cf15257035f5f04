/**
 * The browser's end of a tunnel: all the widgets of a frame, carried by one anywidget, in front ends
 * that show an anywidget but not this extension, nor bqplot.
 *
 * Python's end is rnngrad_widgets/tunnel. The states of all widgets come in the trait `inner`, with
 * the anywidget itself, because a busy kernel answers no question. What follows comes in traits that
 * take turns, `message0`, `message1` and so on, and `last` tells the number of the newest: an update of
 * a trait waits in the model until this code is loaded, a custom message would be lost.
 */
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { isDark, lookAtGround, onThemeChange } from '../drawing/theme';
import { adoptStyles } from './shadow-styles';
import type { Outgoing, Send } from './tunnel-comm';
import type { HostManager, OpenedWidget, TunnelManager } from './tunnel-manager';
import { managerOf } from './tunnel-manager';

/** The model of an anywidget, as the front end hands it to code. */
export interface Host {
  get(name: string): unknown;
  on(event: string, listener: (...values: never[]) => void): void;
  off(event: string, listener: (...values: never[]) => void): void;
  send(content: unknown, callbacks?: unknown, buffers?: unknown[]): void;
  readonly widget_manager?: HostManager;
}

/** The trait with the states of all widgets. */
interface Inner {
  readonly kernel: string;
  readonly root: string;
  /** The number of the first message that follows. */
  readonly next: number;
  readonly turns: number;
  models: Record<string, OpenedWidget>;
}

/** One message of Python's. */
interface Incoming {
  readonly number: number;
  opened?: Record<string, OpenedWidget>;
  comm?: string;
  closed?: boolean;
  data?: unknown;
  buffers?: DataView[];
  /** The id of the message that this one answers. */
  parent?: string;
}

interface Handled {
  readonly handled?: string;
}

type Callbacks = Parameters<Send>[1];

/** What tells this page's messages from those of another page with the same widgets. */
const PAGE = Math.random().toString(36).slice(2);
let sent = 0;

/** Connects an anywidget's model with the models of the widgets that it carries. */
class Tunnel {
  private readonly manager: TunnelManager;
  private next = 0;
  private readonly unanswered = new Map<string, Callbacks>();
  private readonly ids = new Set<string>();

  constructor(private readonly host: Host) {
    this.manager = managerOf(this.inner.kernel);
    this.manager.send = this.send;
    if (typeof host.widget_manager?._create_comm === 'function') {
      this.manager.host = host.widget_manager;
    }
    this.takeStates();
    host.on('change:inner', this.takeStates);
    host.on('change:last', this.takeMessages);
    host.on('msg:custom', this.note);
    host.on('comm_live_update', this.disconnect);
    this.takeMessages();
  }

  /** Close what came through here. */
  readonly close = (): void => {
    const { host } = this;
    host.off('change:inner', this.takeStates);
    host.off('change:last', this.takeMessages);
    host.off('msg:custom', this.note);
    host.off('comm_live_update', this.disconnect);
    this.ids.forEach((id) => this.manager.closed(id));
  };

  private get inner(): Inner {
    return this.host.get('inner') as Inner;
  }

  /** Make all models; what they were made of is not kept twice. */
  private readonly takeStates = (): void => {
    const { models, next } = this.inner;
    this.next = Math.max(this.next, next);
    this.inner.models = {};
    this.open(models);
  };

  private readonly takeMessages = (): void => {
    const last = (this.host.get('last') as number | undefined) ?? -1;
    let missed = false;
    for (; this.next <= last; this.next += 1) {
      const message = this.host.get(`message${this.next % this.inner.turns}`) as
        | Incoming
        | undefined;
      if (message?.number === this.next) {
        this.take(message);
      } else {
        missed = true; // the server drops messages where a cell prints much
      }
    }
    if (missed) {
      this.host.send({ kind: 'states' });
    }
  };

  private take(message: Incoming): void {
    const { opened, comm, closed, data, buffers, parent } = message;
    // what has been taken would be kept until the next turn
    message.opened = message.data = message.buffers = undefined;
    if (opened !== undefined) {
      this.open(opened);
    }
    if (comm !== undefined && closed === true) {
      this.manager.closed(comm);
    } else if (comm !== undefined) {
      const header = parent === undefined ? undefined : { msg_id: parent };
      this.manager.receive(comm, {
        content: { comm_id: comm, data },
        buffers: buffers ?? [],
        parent_header: header,
      });
    }
  }

  private open(models: Record<string, OpenedWidget>): void {
    for (const [id, opened] of Object.entries(models)) {
      this.ids.add(id);
      void this.manager.open(id, opened, this.send);
    }
  }

  private readonly send: Send = (message: Outgoing, callbacks, buffers) => {
    sent += 1;
    const id = `${PAGE}-${sent}`;
    this.unanswered.set(id, callbacks);
    this.host.send({ ...message, id }, undefined, buffers);
    return id;
  };

  /** A model sends its next change when Python has handled the one before. */
  private readonly note = ({ handled }: Handled): void => {
    const callbacks = this.unanswered.get(handled ?? '');
    this.unanswered.delete(handled ?? '');
    callbacks?.iopub?.status?.({ content: { execution_state: 'idle' } } as never);
  };

  private readonly disconnect = (): void => this.manager.disconnect();
}

/** Connect the model of an anywidget; returns how to let go of all that came with it. */
export function connect(host: Host): () => void {
  return new Tunnel(host).close;
}

/** Show the widget that an anywidget carries; returns how to remove it. */
export function show(host: Host, el: HTMLElement): () => void {
  const { kernel, root } = host.get('inner') as Inner;
  const manager = managerOf(kernel);
  const place = document.createElement('div');
  const frame = document.createElement('div');
  const gone = new AbortController();
  place.style.minWidth = '320px'; // a parent may be as wide as what is in it, which is as wide as that
  el.append(place);
  adoptStyles(place.attachShadow({ mode: 'open' })).append(frame);
  const stop = onThemeChange(() => followTheme(frame));
  gone.signal.addEventListener('abort', () => {
    stop();
    place.remove();
  });
  followTheme(frame);
  void attach(manager, root, frame, gone.signal);
  return () => gone.abort();
}

async function attach(
  manager: TunnelManager,
  root: string,
  frame: HTMLElement,
  signal: AbortSignal,
): Promise<void> {
  const view = await manager.show(await manager.get_model(root));
  const { luminoWidget } = view;
  await connected(frame, signal);
  if (signal.aborted) {
    luminoWidget.dispose();
    return;
  }
  followTheme(frame); // what is behind it is there now
  Widget.attach(luminoWidget, frame);
  const sizes = new ResizeObserver(() => {
    MessageLoop.postMessage(luminoWidget, Widget.ResizeMessage.UnknownSize);
  });
  sizes.observe(frame);
  signal.addEventListener('abort', () => {
    sizes.disconnect();
    detach(luminoWidget);
    luminoWidget.dispose();
  });
}

/** As Lumino does it, which refuses what the front end has taken out of the document already. */
function detach(widget: Widget): void {
  if (widget.isAttached) {
    MessageLoop.sendMessage(widget, Widget.Msg.BeforeDetach);
    widget.node.remove();
    MessageLoop.sendMessage(widget, Widget.Msg.AfterDetach);
  }
}

/** Wait until the front end has put an element into its document. */
async function connected(element: Element, signal: AbortSignal): Promise<void> {
  while (!element.isConnected && !signal.aborted) {
    await new Promise(requestAnimationFrame);
  }
}

/** Colours of controls are those of JupyterLab's theme, or our own where there is none. */
function followTheme(frame: HTMLElement): void {
  const own = document.body.dataset.jpThemeLight === undefined;
  frame.classList.toggle('rnngrad-own-theme', own);
  lookAtGround(frame);
  frame.style.colorScheme = isDark() ? 'dark' : 'light';
}
