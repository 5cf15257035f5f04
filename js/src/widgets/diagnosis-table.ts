import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, DOMWidgetView, unpack_models } from '@jupyter-widgets/base';

import { MODULE_STATE } from '../version';
import { element } from './elements';
import type { SelectionModel } from './selection';
import { NOT_OF_DIFFERENCES } from './text';

export class DiagnosisTableModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'DiagnosisTableModel',
      _view_name: 'DiagnosisTable',
      selection: null,
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    selection: { deserialize: unpack_models },
  };
}

/** The table of the diagnosis of what is shown, and the sentences below it. */
export class DiagnosisTable extends DOMWidgetView {
  override render(): void {
    this.el.classList.add('rnngrad-diagnosis-table');
    const { tensor } = this.model.get('selection') as SelectionModel;
    const follow = (): void => {
      const { told } = tensor;
      if (told === null) {
        this.el.replaceChildren(element('p', NOT_OF_DIFFERENCES));
        return;
      }
      const head = element('thead', '', rowOf('th', told.header));
      const body = element('tbody', '', ...told.rows.map((row) => rowOf('td', row)));
      const scrolled = element('div', '', element('table', '', head, body));
      this.el.replaceChildren(scrolled, ...told.lines.map((line) => element('p', line)));
    };
    this.listenTo(tensor, 'change:told', follow);
    follow();
  }
}

function rowOf(tag: string, words: readonly string[]): HTMLElement {
  return element('tr', '', ...words.map((word) => element(tag, word)));
}
