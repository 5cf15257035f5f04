import type { Kernel } from '@jupyterlab/services';

/** The comm target of ipywidgets in which a page gets the states of all widgets. */
export const STATES = 'jupyter.widget.control';

/** Milliseconds in which ipywidgets looks for a model at least once: it does so every 100. */
const LOOK = 150;

/**
 * Keeps models of a page that is loaded again from being made before those who wait for them have
 * looked once more.
 *
 * An output looks for its model for two seconds. If there is none then, it looks again when all
 * models are restored; if they are restored by then, it says "model not found", for good. That is
 * said of models that are there where the page is busy with making them when the two seconds end.
 * They are there, though not made yet, from when the page has closed the comm in which it got the
 * states of all widgets.
 */
export class RestoredModels {
  /** When the models of this module may be made; others do not keep a page busy. */
  ready: Promise<void> = Promise.resolve();

  /** Notice when a page has got the states of all widgets of a kernel. */
  watch(kernel: Kernel.IKernelConnection): void {
    let comm: unknown;
    kernel.anyMessage.connect((_kernel, { msg, direction }) => {
      const { comm_id: id, target_name: target } = msg.content as Partial<Record<string, string>>;
      if (direction === 'send' && target === STATES) {
        comm = id;
      } else if (direction === 'send' && msg.header.msg_type === 'comm_close' && id === comm) {
        this.ready = new Promise((resolve) => {
          setTimeout(resolve, LOOK);
        });
      }
    });
  }
}
