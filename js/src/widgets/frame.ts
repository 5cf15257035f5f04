import type { WidgetModel } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';
import { VBoxModel, VBoxView } from '@jupyter-widgets/controls';

import { leftOutText } from '../data/saved';
import { closestAround, focusedNear } from '../drawing/shadow';
import {
  DARK,
  isDark,
  LIGHT,
  lookAtGround,
  onPixelsChange,
  onThemeChange,
  setExportTheme,
  theme,
} from '../drawing/theme';
import { servePictures } from '../export/picture';
import { MODULE_STATE, MODULE_VERSION, versionText } from '../version';
import { makeAccessible } from './accessibility';
import { noteFrame } from './closed-models';
import type { FrameLinkModel } from './frame-link';
import { watchKernel } from './kernel-end';
import { KernelWait } from './kernel-wait';
import { changesCells, HELP_KEY, keyOf, takes } from './keys';
import { forgetTraits, keepTraits, withoutTraits } from './linked-traits';
import { close, open } from './meeting';
import { leftOut } from './saved-arrays';
import { noteSeen } from './seen-widgets';
import type { SelectionModel } from './selection';

export class PlotFrameModel extends VBoxModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'PlotFrameModel',
      _view_name: 'PlotFrame',
      selection: null,
      weight_selections: [],
      links: [],
      version: MODULE_VERSION,
      themed: true,
      dark: null,
      range_mode: false,
      busy: '',
      title: '',
      height: null,
    };
  }

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    noteFrame(this);
    this.linksMet = new Set();
    keepTraits(this);
    open(this.widget_manager, this.model_id, this);
    watchKernel(this.widget_manager);
    this.on('change:range_mode', this.releaseRange, this);
  }

  override close(comm_closed?: boolean): Promise<void> {
    this.linksMet.forEach((link) => link.part(this));
    close(this.widget_manager, this.model_id);
    return super.close(comm_closed);
  }

  /** Take links in, which know the frame by its id. */
  join(links: readonly FrameLinkModel[]): void {
    links.forEach((link) => {
      this.linksMet.add(link);
      link.meet(this);
    });
  }

  leave(link: FrameLinkModel): void {
    this.linksMet.delete(link);
  }

  /** The traits that can be linked follow from what is shown, which others tell. */
  override set_state(state: Backbone.ObjectHash): void {
    super.set_state(withoutTraits(state));
  }

  override serialize(state: Backbone.ObjectHash): ReturnType<VBoxModel['serialize']> {
    forgetTraits(state); // here: ipywidgets sends the object that it has given
    return super.serialize(state);
  }

  /** One slider shows a symmetric range, so that is what it becomes when two are put away. */
  private releaseRange(): void {
    const selection = this.get('selection') as SelectionModel | null;
    if (selection !== null && !this.get('range_mode')) {
      selection.set('norm', [-selection.limit, selection.limit]);
      selection.save_changes();
    }
  }

  /** Whether it ever had a view. */
  declare wasShown: boolean;
  // Links may join before the initialisers of fields run.
  declare private linksMet: Set<FrameLinkModel>;

  static override serializers = {
    ...VBoxModel.serializers,
    selection: { deserialize: unpack_models },
    weight_selections: { deserialize: unpack_models },
  };
}

/** Whether colours are those of log10, in either theme. */
function isOurs(colours: readonly string[]): boolean {
  return [LIGHT, DARK].some(({ sequential }) => sequential.join() === colours.join());
}

/** A signal of JupyterLab. */
interface Changes {
  connect(slot: () => void): boolean;
  disconnect(slot: () => void): boolean;
}

/** What the widget manager of a notebook has in JupyterLab. */
interface NotebookManager {
  /** Other applications have less of it. */
  readonly context?: { readonly path: string; readonly pathChanged?: Changes };
  readonly kernel?: { readonly clientId: string } | null;
}

/**
 * The frame around controls and plots: theme, keys, and what is said while Python computes.
 */
export class PlotFrame extends VBoxView {
  declare model: PlotFrameModel;

  override render(): void {
    super.render();
    this.model.wasShown = true;
    this.el.classList.add('rnngrad-explorer');
    window.addEventListener('keydown', this.claimKey, {
      capture: true,
      signal: this.removal.signal,
    });
    this.el.addEventListener('keydown', (event) => this.leaveOnEscape(event));
    this.el.addEventListener('keydown', (event) => this.listKeys(event));
    this.heading.className = 'rnngrad-title';
    const wait = new KernelWait(this.el, this.removal.signal);
    this.el.append(this.heading, this.versions, this.leftOut, wait.line);
    this.stops.push(
      onThemeChange(this.followTheme),
      onPixelsChange(() => this.redraw()),
      makeAccessible(this.el),
    );
    this.followPrinting();
    this.followColours();
    this.leftOut.className = 'rnngrad-left-out';
    this.listenTo(this.model, 'change:weight_selections', this.tellLeftOut);
    this.selections.forEach(({ tensor }) => {
      this.listenTo(tensor, 'change:array', this.tellLeftOut);
    });
    this.listenTo(this.model, 'change:title change:height', this.applySize);
    const computes = (): void => wait.computes(this.model.get('busy') as string);
    this.listenTo(this.model, 'change:busy', computes);
    this.listenTo(this.model, 'comm_live_update', () => wait.connected(this.model.comm_live));
    this.listenTo(this.model, 'change:range_mode', this.applyMode);
    this.followTheme();
    void this.displayed.then(() => {
      this.followTheme(); // what is behind it is known then
      this.noteSeen();
    });
    this.followPage();
    this.tellVersions();
    this.applySize();
    this.applyMode();
    this.tellLeftOut();
    computes();
    servePictures(
      this,
      () => this.layOut(),
      () => this.redraw(),
    );
  }

  /** Tell Python which notebook this is, and again when it is renamed. */
  private followPage(): void {
    const { context } = this.model.widget_manager as unknown as NotebookManager;
    this.tellPage();
    context?.pathChanged?.connect(this.tellPage);
    this.stops.push(() => context?.pathChanged?.disconnect(this.tellPage));
  }

  /** Loaded again, a notebook runs its cells in another session. */
  private readonly tellPage = (): void => {
    const { context, kernel } = this.model.widget_manager as unknown as NotebookManager;
    if (this.model.comm_live && context !== undefined && kernel?.clientId !== undefined) {
      this.send({ page: { notebook: context.path, session: kernel.clientId } });
    }
  };

  /** Bring every figure to its size, also those that are out of sight, with nothing pointed at. */
  private layOut(): void {
    this.selections.forEach((selection) => {
      selection.hover(null, null);
      selection.trigger('layout');
    });
  }

  /** Say where Python has another version; what is saved is shown by any that is compatible. */
  private tellVersions(): void {
    this.versions.className = 'rnngrad-versions';
    this.versions.textContent = this.model.comm_live ? versionText(this.model.get('version')) : '';
  }

  private redraw(): void {
    this.applyTheme();
    this.selections.forEach((selection) => selection.trigger('redraw'));
  }

  private followPrinting(): void {
    for (const [event, on] of [
      ['beforeprint', true],
      ['afterprint', false],
    ] as const) {
      window.addEventListener(event, () => this.print(on), { signal: this.removal.signal });
    }
  }

  /**
   * Draw as for paper, and as wide as a page: a browser cuts off what is wider. The window of an
   * application is printed as it stands, with what is left of the explorer.
   */
  private print(on: boolean): void {
    const isInWindow = closestAround(this.el, '.jp-NotebookPanel') !== null;
    const left = isInWindow ? Math.round(this.el.getBoundingClientRect().left) : 0;
    this.el.style.setProperty('--rg-print-left', on ? `${left}px` : null);
    setExportTheme(this.el, on);
    this.el.classList.toggle('rnngrad-print', on);
    this.layOut();
    this.redraw();
  }

  /**
   * Keep keys from the application that a control or a plot takes, or that would change cells. It
   * must be done in the window, before JupyterLab sees the key at the document and asks what has
   * the focus.
   */
  private readonly claimKey = (event: KeyboardEvent): void => {
    const [target] = event.composedPath();
    if (target instanceof Element && this.el.contains(target)) {
      const isClaimed = takes(target, event) || changesCells(event);
      // the application sees the element around a shadow root, if there is one
      for (const each of [target, event.target as Element]) {
        each.toggleAttribute('data-lm-suppress-shortcuts', isClaimed);
      }
    }
  };

  /** `?` lists the keys, but where it is typed. */
  private listKeys(event: KeyboardEvent): void {
    const typed = (event.target as Element).matches('input:not([type="range"]), textarea');
    if (keyOf(event) === HELP_KEY && !typed) {
      event.preventDefault();
      this.el.querySelector<HTMLElement>('.rnngrad-help > button')?.click();
    }
  }

  /** Escape gives the focus back to the notebook's cell. */
  private leaveOnEscape(event: KeyboardEvent): void {
    const focused = focusedNear(this.el);
    if (event.key === 'Escape' && focused !== null && this.el.contains(focused)) {
      (focused as HTMLElement).blur();
      closestAround<HTMLElement>(this.el, '.jp-Cell')?.focus();
    }
  }

  override remove(): void {
    this.removal.abort();
    this.stops.forEach((stop) => stop());
    super.remove();
  }

  private applyTheme(): void {
    lookAtGround(this.el);
    this.el.classList.toggle('rnngrad-dark', isDark());
    for (const selection of this.selections) {
      const scale = selection.get('colour_scale') as WidgetModel;
      // Python sets the colours of the light theme. Later, because bqplot must see this event
      // first.
      this.stopListening(scale);
      this.listenTo(scale, 'change:colors', () => queueMicrotask(() => this.applyTheme()));
      const now = scale.get('colors') as string[];
      const { sequential, diverging } = theme();
      if (!this.model.get('themed') && !selection.logColours && !isOurs(now)) {
        this.given.set(scale, now);
      }
      const linear = this.model.get('themed') ? diverging : (this.given.get(scale) ?? now);
      // those of log10 are always ours, also where the button is pressed in a page without Python
      const colours = selection.logColours ? sequential : linear;
      if (now.join() !== colours.join()) {
        scale.set('colors', [...colours]);
      }
      selection.invalidate();
    }
  }

  /** Let the static picture that is saved with the notebook be hidden. */
  private noteSeen(): void {
    if (!this.removal.signal.aborted) {
      this.stops.push(noteSeen(this.model.model_id));
    }
  }

  private readonly followTheme = (): void => {
    this.applyTheme();
    this.sendTheme();
  };

  private followColours(): void {
    this.listenTo(this.model, 'change:themed change:weight_selections', this.applyTheme);
    if (this.selection !== null) {
      this.listenTo(this.selection, 'change:log_colours', this.applyLog);
    }
  }

  /** Weights have the kind of colours that the tensor has. */
  private applyLog(): void {
    const on = this.selection?.logColours ?? false;
    this.selections.forEach((each) => each.set('log_colours', on));
    this.applyTheme();
  }

  /** Tell Python the theme, in which it saves pages. */
  private sendTheme(): void {
    this.model.set('dark', isDark());
    this.touch();
  }

  /** The selection of the sliders, and those of weights. */
  private get selections(): SelectionModel[] {
    const weights = this.model.get('weight_selections') as SelectionModel[];
    return this.selection === null ? weights : [this.selection, ...weights];
  }

  private get selection(): SelectionModel | null {
    return this.model.get('selection') as SelectionModel | null;
  }

  private applySize(): void {
    const height = this.model.get('height') as number | null;
    this.heading.textContent = this.model.get('title') as string;
    // the default is in style/index.css
    this.el.style.setProperty('--rg-height', height === null ? null : String(height));
  }

  /** Tell what is not there because the notebook would have been too large. */
  private tellLeftOut(): void {
    const bytes = this.selections.map(({ tensor }) => leftOut(tensor)).reduce((a, b) => a + b, 0);
    this.leftOut.textContent = bytes === 0 ? '' : leftOutText('arrays', bytes);
    const nothing = this.selection !== null && leftOut(this.selection.tensor) > 0;
    this.el.classList.toggle('rnngrad-no-array', nothing);
  }

  /** One slider for a symmetric range, or two handles. */
  private applyMode(): void {
    this.el.classList.toggle('rnngrad-range-mode', this.model.get('range_mode') as boolean);
  }

  /** The colours of scales that do not follow the theme. */
  private readonly given = new WeakMap<WidgetModel, string[]>();
  private readonly removal = new AbortController();
  private readonly stops: (() => void)[] = [];
  private readonly heading = document.createElement('div');
  private readonly leftOut = document.createElement('div');
  private readonly versions = document.createElement('div');
}
