import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, DOMWidgetView, unpack_models } from '@jupyter-widgets/base';

import { MODULE_STATE } from '../version';
import type { SelectionModel } from './selection';
import type { Kind, Segment } from './text';
import { write } from './text';

export class ReadoutModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'ReadoutModel',
      _view_name: 'Readout',
      selection: null,
      kind: 'sample',
      section: null,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
  };
}

/** One line of text. */
export abstract class TextLine extends DOMWidgetView {
  protected write(segments: Segment[]): void {
    const text = segments.map((segment) => segment.text).join('');
    if (text === this.written) {
      return;
    }
    this.written = text;
    this.el.replaceChildren(
      ...segments.map((segment) => {
        const span = document.createElement('span');
        span.textContent = segment.text;
        span.className = segment.weight === undefined ? '' : `rnngrad-${segment.weight}`;
        return span;
      }),
    );
  }

  private written = '';
}

/** One line of text that follows the selection. */
export class Readout extends TextLine {
  override render(): void {
    const kind = this.model.get('kind') as Kind;
    const selection = this.model.get('selection') as SelectionModel;
    this.el.classList.add('jupyter-widgets', 'rnngrad-readout', `rnngrad-${kind}`);
    const section = this.model.get('section') as number | null;
    const follow = (): void => {
      const { plotArray } = selection;
      this.write(plotArray === null ? [] : write(kind, selection, plotArray, section));
    };
    this.listenTo(selection, 'redraw', follow);
    follow();
  }
}
