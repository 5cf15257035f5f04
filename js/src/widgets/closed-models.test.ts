// Whose handlers are let go of when a model is closed.
import { describe, expect, it, vi } from 'vitest';

import { model } from '../testing/model';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));
const { WidgetModel } = await import('@jupyter-widgets/base');
const { letClosedModelsGo, noteFrame } = await import('./closed-models');

letClosedModelsGo();

/** What a comm keeps of its model. */
class Comm {
  readonly handlers: unknown[] = ['close', 'message'];
  readonly on_close = (): void => void this.handlers.shift();
  readonly on_msg = (): void => void this.handlers.shift();
}

function made(manager: object): { found: InstanceType<typeof WidgetModel>; comm: Comm } {
  const comm = new Comm();
  return {
    found: Object.assign(model(WidgetModel), { widget_manager: manager, comm }) as never,
    comm,
  };
}

describe('a model that is closed', () => {
  it('is let go of in a notebook with an explorer', () => {
    const manager = {};
    noteFrame(made(manager).found as never);
    const { found, comm } = made(manager);
    expect(comm.handlers).toHaveLength(2);
    void found.close();
    expect(comm.handlers).toEqual([]);
  });

  it('is left to ipywidgets in a notebook without one', () => {
    const { found, comm } = made({});
    void found.close();
    expect(comm.handlers).toHaveLength(2);
  });
});
