import type { ISerializers } from '@jupyter-widgets/base';
import { DOMWidgetModel, DOMWidgetView, unpack_models } from '@jupyter-widgets/base';

import { isOnPage } from '../data/compared';
import { lineSwatch } from '../drawing/line-style';
import { onThemeChange } from '../drawing/theme';
import { MODULE_STATE } from '../version';
import { element } from './elements';
import type { RunStackModel } from './run-stack';
import type { TensorModel } from './tensor';

export class RunTableModel extends DOMWidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'RunTableModel',
      _view_name: 'RunTable',
      stack: null,
      header: [],
      names: [],
      groups: [],
      base: 0,
      note: '',
    };
  }

  static override serializers: ISerializers = {
    ...DOMWidgetModel.serializers,
    stack: { deserialize: unpack_models },
  };
}

/** A row for each run and direction: its name in its colour, and what is told of its tensor. */
export class RunTable extends DOMWidgetView {
  override render(): void {
    super.render();
    this.el.classList.add('rnngrad-diagnosis-table');
    this.listenTo(this.model, 'change:header change:names change:groups', this.update);
    this.listenTo(this.stack, 'change:page', this.update);
    this.listenTo(this.stack, 'change:runs', this.listen);
    this.stopTheme = onThemeChange(() => this.update());
    this.listen();
  }

  override update(): void {
    const names = this.model.get('names') as string[];
    const groups = this.model.get('groups') as number[];
    const base = this.model.get('base') as number;
    const shown = this.runs.map((run, i) => ({ run, group: groups[i] ?? -1 }));
    const onPage = shown.filter(({ group }) => isOnPage(group, base, this.stack.page));
    onPage.sort((a, b) => a.group - b.group); // repeats that came later beside the others
    const rows = onPage.flatMap(({ run, group }) => {
      const { rows: own = [] } = (run.get('told') ?? {}) as { rows?: readonly string[][] };
      return own.map((cells) => {
        const name = element('td', '', lineSwatch(group), names[group]);
        return element('tr', '', name, ...cells.map((cell) => element('td', cell)));
      });
    });
    const header = this.model.get('header') as string[];
    const head = element('tr', '', ...header.map((word) => element('th', word)));
    const table = element('table', '', element('thead', '', head), element('tbody', '', ...rows));
    const note = element('p', this.model.get('note') as string);
    this.el.replaceChildren(element('div', '', table), note);
  }

  private listen(): void {
    this.listened.forEach((run) => this.stopListening(run));
    this.listened = this.runs;
    this.listened.forEach((run) => this.listenTo(run, 'change:told', this.update));
    this.update();
  }

  override remove(): void {
    this.stopTheme?.();
    super.remove();
  }

  private get stack(): RunStackModel {
    return this.model.get('stack') as RunStackModel;
  }

  private get runs(): readonly TensorModel[] {
    return this.stack.runs;
  }

  private listened: readonly TensorModel[] = [];
  private stopTheme: (() => void) | undefined;
}
