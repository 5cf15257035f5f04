import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import { MODULE_STATE } from '../version';
import { KEYS_LIST } from './keys';

export class HelpModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'HelpModel',
      _view_name: 'Help',
    };
  }
}

/** A button that opens the list of the keys; `?` does so too, see `PlotFrame`. */
export class Help extends DOMWidgetView {
  override render(): void {
    this.el.classList.add('jupyter-widgets', 'rnngrad-help');
    this.button.className = 'jupyter-button rnngrad-icon';
    this.button.textContent = '?';
    this.button.title = 'the keys, and what the mouse does (?)';
    this.button.setAttribute('aria-label', 'keys and mouse (?)');
    this.list.className = 'rnngrad-keys';
    this.list.append(
      ...KEYS_LIST.flatMap(([keys, what]) => [element('b', keys), element('span', what)]),
    );
    this.el.append(this.button, this.list);
    this.open(false);
    this.button.addEventListener('click', () => this.open(this.list.hidden));
    this.el.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.list.hidden) {
        event.stopPropagation();
        this.open(false);
      }
    });
    // otherwise Safari moves the focus, which closes the list, before the click arrives
    this.el.addEventListener('mousedown', (event) => event.preventDefault());
    this.el.addEventListener('focusout', () => this.open(false));
  }

  private open(open: boolean): void {
    this.list.hidden = !open;
    this.button.setAttribute('aria-expanded', String(open));
    if (open) {
      this.button.focus();
    }
  }

  private readonly button = document.createElement('button');
  private readonly list = document.createElement('div');
}

function element(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
