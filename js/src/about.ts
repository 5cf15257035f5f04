/** A line that says which browser half is running: the first thing to look at when a page shows nothing. */
import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import { MODULE_NAME, MODULE_STATE, MODULE_VERSION } from './version';

export class AboutModel extends DOMWidgetModel {
  override defaults(): Record<string, unknown> {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'AboutModel',
      _view_name: 'AboutView',
    };
  }
}

export class AboutView extends DOMWidgetView {
  override render(): void {
    this.el.classList.add('rnngrad-about');
    this.el.textContent = `${MODULE_NAME} ${MODULE_VERSION}`;
  }
}
