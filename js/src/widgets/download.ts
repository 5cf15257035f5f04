import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

import { focusedNear } from '../drawing/shadow';
import { svg } from '../drawing/svg';
import type { Format } from '../export/picture';
import { SaveEvent } from '../export/picture';
import { MODULE_STATE } from '../version';
import { KEYS } from './keys';

const FORMATS: readonly Format[] = ['png', 'svg'];
const ARROW_AND_TRAY = 'M6.5 1h3v5H13l-5 5-5-5h3.5zM1 11h3l2 2.2h4L12 11h3v4H1z';

export class DownloadModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'DownloadModel',
      _view_name: 'Download',
      stem: '',
    };
  }
}

/**
 * A button with a menu of formats: saves the picture of the frame that it is in, without a kernel.
 */
export class Download extends DOMWidgetView {
  override render(): void {
    this.el.classList.add('jupyter-widgets', 'rnngrad-download');
    const icon = svg('svg', { width: 15, height: 15, viewBox: '0 0 16 16', 'aria-hidden': 'true' });
    icon.append(svg('path', { d: ARROW_AND_TRAY, fill: 'currentColor' }));
    this.button.className = 'jupyter-button rnngrad-icon';
    this.button.title = 'save the picture';
    this.button.setAttribute('aria-label', 'save the picture');
    this.button.setAttribute('aria-haspopup', 'menu');
    this.button.append(icon);
    this.menu.className = 'rnngrad-menu';
    this.menu.setAttribute('role', 'menu');
    this.menu.append(...FORMATS.map((format) => this.item(format)));
    this.el.append(this.button, this.menu);
    this.open(false);
    [this.button, ...this.items].forEach((part) => part.setAttribute(KEYS, 'ArrowDown ArrowUp'));

    this.button.addEventListener('click', () => this.open(this.menu.hidden));
    this.el.addEventListener('keydown', (event) => this.key(event));
    // otherwise Safari moves the focus, which closes the menu, before the click arrives
    this.el.addEventListener('mousedown', (event) => event.preventDefault());
    this.el.addEventListener('focusout', ({ relatedTarget }) => {
      if (!this.el.contains(relatedTarget as Node | null)) {
        this.open(false);
      }
    });
  }

  private item(format: Format): HTMLElement {
    const item = document.createElement('button');
    item.className = 'jupyter-button';
    item.setAttribute('role', 'menuitem');
    item.textContent = format.toUpperCase();
    item.addEventListener('click', () => {
      this.open(false);
      this.button.focus();
      this.el.dispatchEvent(new SaveEvent(format, this.model.get('stem') as string));
    });
    return item;
  }

  private open(open: boolean): void {
    this.menu.hidden = !open;
    this.button.setAttribute('aria-expanded', String(open));
    if (open) {
      this.items[0].focus();
    }
  }

  private key(event: KeyboardEvent): void {
    const { items } = this;
    const now = items.indexOf(focusedNear(this.el) as HTMLElement);
    const moves: Record<string, () => void> = {
      ArrowDown: () =>
        this.menu.hidden ? this.open(true) : items[(now + 1) % items.length].focus(),
      ArrowUp: () => items[(now + items.length - 1) % items.length].focus(),
      Escape: () => {
        this.open(false);
        this.button.focus();
      },
    };
    const move = moves[event.key];
    if (move !== undefined && (event.key === 'ArrowDown' || !this.menu.hidden)) {
      event.preventDefault();
      event.stopPropagation();
      move();
    }
  }

  private get items(): HTMLElement[] {
    return [...this.menu.children] as HTMLElement[];
  }

  private readonly button = document.createElement('button');
  private readonly menu = document.createElement('div');
}
