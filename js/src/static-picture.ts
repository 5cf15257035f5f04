/**
 * Shows the picture of a widget that is saved with the notebook, in JupyterLab and Notebook 7, as
 * long as the widget itself is not seen: no kernel has it, or it is not restored yet.
 */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import { MODULE_NAME } from './version';
import { isSeen, onSeenChange } from './widgets/seen-widgets';

const MIME = 'application/vnd.rnngrad-widgets.picture+json';

/** How ipywidgets begins where there should be a widget. */
const MISSING = /^(Error displaying widget|Loading widget)/;

const NOTE = 'A picture, saved with the notebook. Run the cell for the widget itself.';

class StaticPicture extends Widget implements IRenderMime.IRenderer {
  constructor() {
    super();
    this.note.textContent = NOTE;
    this.note.style.cssText = 'margin: 0 0 0.5em; font-size: 0.9em; opacity: 0.8';
    this.picture.style.cssText = 'display: block; max-width: 100%; background: white';
    this.node.append(this.picture, this.note);
  }

  async renderModel({ data }: IRenderMime.IMimeModel): Promise<void> {
    const { model_id } = data[MIME] as { model_id: string };
    this.model = model_id;
    this.picture.alt = String(data['text/plain'] ?? '').replace(/, static picture \w+$/, '');
    this.picture.src = `data:image/png;base64,${String(data['image/png'] ?? '')}`;
    this.follow();
  }

  protected override onAfterAttach(): void {
    this.stop = onSeenChange(this.follow);
    const outputs = this.node.closest('.jp-OutputArea');
    if (outputs !== null) {
      this.watch.observe(outputs, { childList: true, subtree: true });
    }
    this.follow();
  }

  protected override onBeforeDetach(): void {
    this.stop();
    this.watch.disconnect();
  }

  /** Show the picture, or the widget. */
  private readonly follow = (): void => {
    this.replaced.splice(0).forEach((row) => row.style.removeProperty('display'));
    const row = this.node.closest<HTMLElement>('.jp-OutputArea-child') ?? this.node;
    const isLive = isSeen(this.model);
    row.style.display = isLive ? 'none' : '';
    if (isLive) {
      this.watch.disconnect(); // what a widget does with the page is no concern of this
      return;
    }
    for (const other of row.parentElement?.children ?? []) {
      const [output] = other.getElementsByClassName('jp-OutputArea-output');
      if (MISSING.test(output?.textContent ?? '')) {
        (other as HTMLElement).style.display = 'none';
        this.replaced.push(other as HTMLElement);
      }
    }
  };

  private model = '';
  private stop = (): void => undefined;
  /** Outputs that only say that there is no widget. */
  private readonly replaced: HTMLElement[] = [];
  private readonly picture = document.createElement('img');
  private readonly note = document.createElement('p');
  /** Of what ipywidgets says while, and when, it has looked for the widget. */
  private readonly watch = new MutationObserver(this.follow);
}

const extension: IRenderMime.IExtension = {
  id: `${MODULE_NAME}:static-picture`,
  rendererFactory: {
    safe: true,
    mimeTypes: [MIME],
    createRenderer: () => new StaticPicture(),
  },
  rank: 0, // before that of image/png, which is in the same output
  dataType: 'json',
};

export default extension;
