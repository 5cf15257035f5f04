// A frame's picture as a file: asked for by its toolbar, with an event, or by Python, with a
// message.
//
// The picture is taken of the page itself: everything is drawn light and at two pixels to one,
// read, and drawn back in one go, so that none of it is seen. bqplot's own export stretches the
// canvas layer over the whole figure.

import type { DOMWidgetView, IClassicComm, WidgetModel } from '@jupyter-widgets/base';

import { EXPORT_RATIO, withExportTheme } from '../drawing/theme';
import { pictureOf } from './svg-picture';
import { fileName } from './svg-text';

export type Format = 'png' | 'svg';

/** The event with which a toolbar asks the frame that it is in to be saved. */
export class SaveEvent extends CustomEvent<{ format: Format; stem: string }> {
  static readonly NAME = 'rnngrad-save';

  constructor(format: Format, stem: string) {
    super(SaveEvent.NAME, { bubbles: true, detail: { format, stem } });
  }
}

/**
 * What Python sends, again and again until it gets an answer (rnngrad_widgets/export/picture.py).
 */
interface Request {
  readonly save: string;
  readonly format: Format;
}

/** What the browser sends, over a comm of its own. */
interface Answer {
  readonly save: string;
  readonly state: 'hidden' | 'drawing' | 'done' | 'failed';
  readonly reason?: string;
}

/** Where Python listens for answers. */
const TARGET = 'rnngrad_widgets.saving';

/** Longest wait for figures that are still being made, in milliseconds. */
const PATIENCE = 5000;
/** Longest wait for the kernel to start a subshell; Python waits a little longer. */
const SUBSHELL = 10_000;
/** Milliseconds after which bqplot has moved and labelled its ticks. */
const TICKS = 80;

/**
 * Make and send the picture of a frame whenever its toolbar or Python asks for it.
 *
 * @param prepare - brings all figures to their size, also those that are out of sight
 * @param redraw - draws everything at once, in the colours of `theme()`
 */
export function servePictures(view: DOMWidgetView, prepare: () => void, redraw: () => void): void {
  const { el } = view;
  const trouble = document.createElement('div');
  trouble.className = 'rnngrad-trouble';
  trouble.setAttribute('role', 'alert');
  const picture = async (format: Format): Promise<Blob> => {
    await ready(el, prepare);
    const text = withExportTheme(el, redraw, () => pictureOf(el));
    return format === 'svg' ? new Blob([text], { type: 'image/svg+xml' }) : drawn(text);
  };
  el.addEventListener(SaveEvent.NAME, (event) => {
    const { format, stem } = (event as SaveEvent).detail;
    trouble.remove();
    picture(format).then(
      (file) => download(file, fileName(stem, format)),
      (error: unknown) => {
        trouble.textContent = `The picture could not be saved: ${reasonOf(error)}`;
        el.append(trouble);
      },
    );
  });
  let last = '';
  view.listenTo(view.model, 'msg:custom', async ({ save, format }: Partial<Request>) => {
    if (save === undefined || format === undefined || save === last) {
      return; // asked again, because the answer is not there yet
    }
    last = save;
    if ((await latestInSight(view.model)) === view) {
      await answer(view, save, () => picture(format));
    }
  });
}

/** The view that a widget had last, of those in sight; of all, where none is. */
async function latestInSight(model: WidgetModel): Promise<unknown> {
  const made = await Promise.allSettled(Object.values(model.views ?? {}));
  const views = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  return views.filter(({ el }) => !isHidden(el)).pop() ?? views.pop();
}

/**
 * Python waits in a running cell, so the answer must not queue behind that cell. An answer on the
 * widget's own comm would: ipykernel sends it to where the last message came from. A new comm goes
 * to a subshell, where the application gives it one.
 */
async function answer(
  view: DOMWidgetView,
  save: string,
  picture: () => Promise<Blob>,
): Promise<void> {
  const comm = await openable(view);
  const send = (answer: Omit<Answer, 'save'>, buffers: ArrayBuffer[] = []): void => {
    comm.send({ save, ...answer }, undefined, undefined, buffers);
  };
  comm.open({ save, state: isHidden(view.el) ? 'hidden' : 'drawing' });
  if (!isHidden(view.el)) {
    try {
      send({ state: 'done' }, [await (await picture()).arrayBuffer()]);
    } catch (error) {
      send({ state: 'failed', reason: reasonOf(error) });
    }
  }
  // Python closes the comm: closing it here would end its subshell, perhaps before the picture
  // arrives
}

/**
 * What the widget managers of all applications can do, though their common type does not say so.
 */
interface CommMaker {
  _create_comm(
    target: string,
  ): Promise<IClassicComm & { jsServicesComm?: { subshellId?: string | null } }>;
}

async function openable(view: DOMWidgetView): Promise<IClassicComm> {
  const manager = view.model.widget_manager as unknown as CommMaker;
  const comm = await manager._create_comm(TARGET);
  const end = Date.now() + SUBSHELL;
  while (comm.jsServicesComm?.subshellId === null && Date.now() < end) {
    await later(10);
  }
  return comm;
}

function isHidden(el: HTMLElement): boolean {
  return el.getClientRects().length === 0;
}

async function ready(el: HTMLElement, prepare: () => void): Promise<void> {
  const end = Date.now() + PATIENCE;
  const missing = (): boolean => {
    const figures = [...el.querySelectorAll('.bqplot.figure')];
    return (
      figures.length === 0 ||
      figures.some((figure) => figure.querySelector('[data-drawn]') === null)
    );
  };
  while (missing() && Date.now() < end) {
    await later(30);
  }
  prepare();
  await later(TICKS);
}

/** Draw an SVG as a PNG, with `EXPORT_RATIO` pixels for each pixel of the page. */
async function drawn(text: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  try {
    await image.decode();
  } catch {
    throw new Error(
      'the page allows no image that a script made (its content security policy). SVG needs none',
    );
  }
  const canvas = document.createElement('canvas');
  canvas.width = EXPORT_RATIO * image.width;
  canvas.height = EXPORT_RATIO * image.height;
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((file) =>
      file === null ? reject(new Error('no room for the picture')) : resolve(file),
    );
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  document.body.append(link); // VS Code downloads what it hears of there
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => window.setTimeout(resolve, milliseconds));
}
