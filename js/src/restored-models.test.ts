// An output that waits for its model, as ipywidgets lets it, in a page that is busy restoring.
import type { Kernel } from '@jupyterlab/services';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { RestoredModels, STATES } from './restored-models';

type Slot = (sender: unknown, change: { msg: object; direction: string }) => void;

/** What the page sends to its kernel, as far as it is listened to. */
class Page {
  private slot!: Slot;

  readonly kernel = {
    anyMessage: {
      connect: (slot: Slot) => {
        this.slot = slot;
      },
    },
  } as unknown as Kernel.IKernelConnection;

  send(type: string, content: object, direction = 'send'): void {
    this.slot(this.kernel, { msg: { header: { msg_type: type }, content }, direction });
  }

  /** Get the states of all widgets, and close the comm. */
  restore(): void {
    this.send('comm_open', { comm_id: 'C', target_name: STATES });
    this.send('comm_msg', { comm_id: 'C' });
    this.send('comm_close', { comm_id: 'C' });
  }
}

/** How ipywidgets looks for a model that an output shows. */
async function looksFor(isThere: () => boolean): Promise<boolean> {
  const start = Date.now();
  while (Date.now() - start < 2000) {
    if (isThere()) {
      return true;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  return false;
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it.each([0, 1, 500, 1880, 1899])('a model that is there after %d ms is found', async (time) => {
  const models = new RestoredModels();
  const page = new Page();
  models.watch(page.kernel);
  let isThere = false;
  const found = looksFor(() => isThere);
  await vi.advanceTimersByTimeAsync(time);
  page.restore();
  isThere = true;
  void models.ready.then(() => vi.setSystemTime(Date.now() + 5000)); // makes them meanwhile
  await vi.advanceTimersByTimeAsync(200);
  await expect(found).resolves.toBe(true);
});

it('other messages keep no model from being made', async () => {
  const models = new RestoredModels();
  const page = new Page();
  models.watch(page.kernel);
  const { ready } = models;
  page.send('comm_open', { comm_id: 'C', target_name: STATES });
  page.send('comm_open', { comm_id: 'D', target_name: 'jupyter.widget' });
  page.send('comm_close', { comm_id: 'D' });
  page.send('comm_close', { comm_id: 'C' }, 'recv');
  page.send('execute_request', { code: '1' });
  expect(models.ready).toBe(ready);
  await ready;
});
