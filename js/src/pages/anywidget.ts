/**
 * The code of the anywidget: it gets the library with the tunnel in it, once a page however many
 * there are, and hands over. It imports nothing, because it is sent as it is compiled.
 */
import type { connect, Host, show } from './tunnel';

/** What the library has. */
interface Library {
  readonly connect: typeof connect;
  readonly show: typeof show;
}

interface Managers {
  get_model(id: string): Promise<{ get(name: string): unknown }>;
}

/** What every copy of this code in the page shares: libraries, by what they are made of. */
const shared = globalThis as { [key: symbol]: Map<string, Promise<Library>> | undefined };
const LIBRARIES = Symbol.for('rnngrad_widgets.libraries');

/** What comes before this code where the front end sends it once a page. */
declare const rnngradLibrary: () => Library;

/** Get the library from the widget that has it, gzipped, unless it is here already. */
async function load(host: Host): Promise<Library> {
  if (typeof rnngradLibrary === 'function') {
    return rnngradLibrary();
  }
  const model = host.get('library') as string;
  const holder = await (host.widget_manager as unknown as Managers).get_model(model.slice(10));
  const packed = holder.get('script') as DataView<ArrayBuffer>;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = await new Response(stream).text();
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  try {
    return (await import(/* webpackIgnore: true */ address)).default as Library;
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function libraryOf(host: Host): Promise<Library> {
  const key = host.get('digest') as string;
  shared[LIBRARIES] ??= new Map();
  const found = shared[LIBRARIES].get(key) ?? load(host);
  shared[LIBRARIES].set(key, found);
  return found;
}

/** Say in the output why there is nothing to see. */
function explain(el: HTMLElement, error: unknown): void {
  const message = document.createElement('p');
  message.setAttribute('role', 'alert');
  message.textContent =
    `rnngrad_widgets could not be shown here (${String(error)}). ` +
    'show_page() shows it without a kernel, save_html(path) writes a page.';
  el.append(message);
}

/** Do something with the library when it is there; returns how to undo it, also before. */
function whenLoaded(
  host: Host,
  start: (library: Library) => () => void,
  fail: (error: unknown) => void,
): () => void {
  let undo: (() => void) | undefined;
  let isOver = false;
  libraryOf(host).then((library) => {
    undo = isOver ? undefined : start(library);
  }, fail);
  return () => {
    isOver = true;
    undo?.();
  };
}

export default {
  // Nothing is waited for: front ends give up after seconds, which a busy machine may need.
  initialize: ({ model }: { model: Host }): (() => void) =>
    whenLoaded(
      model,
      ({ connect: start }) => start(model),
      () => undefined,
    ),
  render: ({ model, el }: { model: Host; el: HTMLElement }): (() => void) =>
    whenLoaded(
      model,
      ({ show: start }) => start(model, el),
      (error) => explain(el, error),
    ),
};
