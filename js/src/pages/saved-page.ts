/**
 * Shows the widgets of a page that has no kernel, from the state that the page holds.
 *
 * There is no require.js and no html-manager: this manager hands AMD files their dependencies by
 * name. That is a third of the size, and a content security policy can name the one script that may
 * run. The script sees no `define` of a page that has a loader of its own, as nbconvert's have:
 * libraries would register there.
 */
import type * as base from '@jupyter-widgets/base';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { hearTheme, tellHeight } from './embedding';
import { ModuleManager } from './module-manager';

/** Makes models and views from a saved state. There is no kernel: nothing is sent. */
class PageManager extends ModuleManager {
  protected override _create_comm(): never {
    throw new Error('a page without a kernel opens no comm');
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }

  async show(model: base.WidgetModel, element: HTMLElement): Promise<void> {
    const view = await this.create_view<base.DOMWidgetView>(model);
    Widget.attach(view.luminoWidget, element);
    window.addEventListener('resize', () => {
      MessageLoop.postMessage(view.luminoWidget, Widget.ResizeMessage.UnknownSize);
    });
  }
}

/** Disable controls that act through Python: they still tell what is shown. */
function restWithoutKernel(model: base.WidgetModel): void {
  if ((model.get('_dom_classes') as string[] | undefined)?.includes('rnngrad-kernel')) {
    model.set('disabled', true);
  }
  if (model.get('busy') !== undefined) {
    model.set('busy', '');
  }
}

function scripts(selector: string): HTMLScriptElement[] {
  return [...document.querySelectorAll<HTMLScriptElement>(`script${selector}`)];
}

/**
 * Remove scripts and return their text. It is as large as the arrays, so it must not stay twice.
 */
function taken(selector: string): string[] {
  return scripts(selector).map((script) => {
    script.remove();
    return script.text;
  });
}

/**
 * The states that the page holds. In our own page the state is in pieces, in a notebook's whole.
 */
function states(): string[] {
  const pieces = taken('.rnngrad-state');
  const whole = taken('[type="application/vnd.jupyter.widget-state+json"]');
  return pieces.length > 0 ? [pieces.join(''), ...whole] : whole;
}

async function showAll(): Promise<void> {
  const manager = new PageManager();
  for (const state of states()) {
    const models = await manager.set_state(JSON.parse(state) as never);
    models.forEach(restWithoutKernel);
  }
  for (const script of scripts('[type="application/vnd.jupyter.widget-view+json"]')) {
    const { model_id: id } = JSON.parse(script.text) as { model_id: string };
    if (!manager.has_model(id)) {
      continue; // a notebook may have been saved with the state of some widgets only
    }
    const element = document.createElement('div');
    script.before(element);
    await manager.show(await manager.get_model(id), element);
  }
}

/**
 * Give our own page the theme of the notebook that it was saved from, or else the system's; in a
 * frame, what the page round it asks for. A notebook's page has a theme of its own.
 */
function followTheme(): void {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = (): void => {
    const fixed = root.style.colorScheme;
    document.body.dataset.jpThemeLight = String(fixed === '' ? !dark.matches : fixed === 'light');
  };
  dark.addEventListener('change', follow);
  follow();
  hearTheme((theme) => {
    root.style.colorScheme = theme;
    follow();
  });
}

/** Show every widget of the page. */
export async function start(): Promise<void> {
  const ours = document.documentElement.classList.contains('rnngrad-page');
  if (ours) {
    followTheme();
  }
  try {
    await showAll();
  } catch (error) {
    const message = document.createElement('p');
    message.setAttribute('role', 'alert');
    message.textContent = `The widgets of this page could not be shown: ${String(error)}`;
    document.body.prepend(message);
    throw error;
  } finally {
    document.documentElement.classList.add('rnngrad-shown');
    if (ours && window.parent !== window) {
      tellHeight();
    }
  }
}
