// Messages from Python: what follows from one in the page is not sent back.

import type { WidgetModel } from '@jupyter-widgets/base';

let depth = 0;

/** Take a message. */
export function taking(message: () => void): void {
  depth++;
  try {
    message();
  } finally {
    depth--;
  }
}

/**
 * Send changes to Python, unless they follow from a message, the widget is being closed, or there is
 * no kernel.
 *
 * What follows from a message is known there: Python has set it itself, or another page of the
 * notebook, where a person acts, tells it. If this page did so too, a little later, the two would
 * move each other for ever.
 */
export function send(model: WidgetModel): void {
  if (depth === 0 && model.comm !== undefined) {
    model.save_changes();
  }
}
