import { DOMWidgetModel, DOMWidgetView, unpack_models } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';

import type { SelectionModel } from './selection';
import { write } from './text';
import type { Kind } from './text';
import { MODULE_STATE } from './version';

export class ReadoutModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'ReadoutModel',
      _view_name: 'Readout',
      selection: null,
      kind: 'sample',
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
  };
}

/** One line of text that follows the selection. */
export class Readout extends DOMWidgetView {
  override render(): void {
    this.el.classList.add('jupyter-widgets', 'rnngrad-readout', `rnngrad-${this.kind}`);
    this.listenTo(this.model.get('selection') as SelectionModel, 'redraw', this.write);
    this.write();
  }

  private get kind(): Kind {
    return this.model.get('kind') as Kind;
  }

  private write(): void {
    const segments = write(this.kind, this.model.get('selection') as SelectionModel);
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
