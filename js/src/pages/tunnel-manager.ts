import type { DOMWidgetView, IClassicComm, WidgetModel } from '@jupyter-widgets/base';
import { uuid } from '@jupyter-widgets/base';
import { PromiseDelegate } from '@lumino/coreutils';

import { ModuleManager } from './module-manager';
import type { Send } from './tunnel-comm';
import { TunnelComm } from './tunnel-comm';

/** What Python says of a widget that the browser does not know yet. */
export interface OpenedWidget {
  readonly model_name: string;
  readonly model_module: string;
  readonly model_module_version: string;
  state: Record<string, unknown>;
}

/** What is used of the widget manager of the page that an anywidget is in. */
export interface HostManager {
  readonly context?: unknown;
  readonly kernel?: unknown;
  _create_comm?(
    target: string,
    id: string,
    data?: unknown,
    metadata?: unknown,
    buffers?: unknown,
  ): Promise<IClassicComm>;
}

/**
 * The models of one kernel's widgets that came through tunnels, however many there are in the page:
 * so links between two explorers work.
 */
export class TunnelManager extends ModuleManager {
  /** The page's own manager, of the anywidget that came last; marimo's has only models. */
  host: HostManager | undefined;

  /** What the models know of a notebook is what the page's manager knows. */
  get context(): unknown {
    return this.host?.context;
  }

  get kernel(): unknown {
    return this.host?.kernel;
  }

  /**
   * Make a model for a widget, or bring the one that is there up to date.
   *
   * Several are made at once: each finds those that it refers to, because they are registered
   * before anything is waited for.
   *
   * @returns whether it is new
   */
  async open(id: string, opened: OpenedWidget, send: Send): Promise<boolean> {
    const { state, ...names } = opened;
    if (this.comms.has(id)) {
      const model = await this.get_model(id);
      const kind = model.constructor as typeof WidgetModel;
      model.set_state(await kind._deserialize_state(state as never, this as never));
      return false;
    }
    const comm = new TunnelComm(id, this.comm_target_name, send);
    this.comms.set(id, comm);
    const made = this.new_model({ ...names, model_id: id, comm }, state as never);
    this.waiting.get(id)?.resolve(made);
    this.waiting.delete(id);
    (await made).once('comm:close destroy', () => this.comms.delete(id));
    return true;
  }

  /** Wait for models that come later: a link may come before one of its ends. */
  override async get_model(id: string): Promise<WidgetModel> {
    if (this.has_model(id)) {
      return super.get_model(id);
    }
    const waiting = this.waiting.get(id) ?? new PromiseDelegate<WidgetModel>();
    this.waiting.set(id, waiting);
    return waiting.promise;
  }

  /** Hand a message of Python to the comm that it is of, if the page has it. */
  receive(id: string, message: unknown): void {
    (this.comms.get(id) ?? this.asked.get(id))?.receive(message);
  }

  /** Let go of a model, or of a comm that the page had opened. */
  closed(id: string): void {
    (this.comms.get(id) ?? this.asked.get(id))?.closed();
    this.comms.delete(id);
    this.asked.delete(id);
  }

  async show(model: WidgetModel): Promise<DOMWidgetView> {
    return this.create_view<DOMWidgetView>(model);
  }

  /** The tunnel that the page's own questions go through; the one that came last. */
  send: Send | undefined;

  /**
   * Open a comm to Python: where the page's manager can, over a comm of its own, which a kernel
   * with subshells answers while a cell runs.
   */
  override async _create_comm(
    target: string,
    id = uuid(),
    data?: never,
    metadata?: never,
    buffers?: never,
  ): Promise<IClassicComm> {
    if (this.host?._create_comm !== undefined) {
      return this.host._create_comm(target, id, data, metadata, buffers);
    }
    if (this.send === undefined) {
      throw new Error('there is no tunnel to Python any more');
    }
    const comm = new TunnelComm(id, target, this.send);
    this.asked.set(id, comm);
    if (data !== undefined) {
      comm.open(data);
    }
    return comm;
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve(
      Object.fromEntries([...this.comms.keys()].map((id) => [id, {} as never])),
    );
  }

  private readonly comms = new Map<string, TunnelComm>();
  /** Comms that the page has opened. */
  private readonly asked = new Map<string, TunnelComm>();
  private readonly waiting = new Map<string, PromiseDelegate<WidgetModel>>();
}

/** By kernel: two notebooks of one page may have widgets in tunnels. */
const managers = new Map<string, TunnelManager>();

export function managerOf(kernel: string): TunnelManager {
  const manager = managers.get(kernel) ?? new TunnelManager();
  managers.set(kernel, manager);
  return manager;
}
