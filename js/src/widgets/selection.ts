import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models, WidgetModel } from '@jupyter-widgets/base';

import { lastCounted } from '../data/masked';
import type { PlotArray, Point, Span } from '../data/slicing';
import { THRESHOLD } from '../data/statistics';
import type { Norm } from '../drawing/colours';
import { LOG_DECADES } from '../drawing/colours';
import type { NormState } from '../drawing/norm-state';
import { limitOf, nextNorm, placeSliders } from '../drawing/norm-state';
import type { Limits } from '../drawing/value-axis';
import { MODULE_STATE } from '../version';
import { taking } from './messages';
import { changedPart, NORM_TRAITS, normStateOf, traitsOf } from './norm-traits';
import type { TensorModel } from './tensor';

/** Attributes of a page alone: places on the norm's sliders, and what a link shares. */
const OF_PAGE = new Set(['limit_index', 'range_indices', 'linked_limit']);

/**
 * At least so many milliseconds lie between two messages to Python.
 *
 * ipywidgets sends the next one when the kernel is idle again. During a drag that is once a frame or
 * two, and what the kernel answers costs JupyterLab as much time as the picture.
 */
const BETWEEN_MESSAGES = 100;

/** Attributes that the picture depends on. The others follow from them. */
const SHOWN = [
  'sample',
  'timestep',
  'channel',
  'norm',
  'reflect_half',
  'time_range',
  'log_colours',
  'threshold',
  'ylim',
];

function clamp(index: number, count: number): number {
  return Math.min(Math.max(index, 0), Math.max(count - 1, 0));
}

/**
 * What is shown of the tensor. It has no view: sliders are linked to its traits, and marks and
 * readouts listen to its event `redraw`.
 *
 * `redraw` is triggered at once by the first change in a frame, and once more at the next frame by
 * all that follow: a single move is drawn without delay, a burst of moves once a frame.
 */
export class SelectionModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'SelectionModel',
      _view_name: null,
      _view_module: null,
      _view_module_version: '',
      tensor: null,
      companion: null,
      colour_scale: null,
      time_scale: null,
      time_range: null,
      log_colours: false,
      threshold: THRESHOLD,
      ylim: null,
      sample: 0,
      channel: 0,
      timestep: null,
      norm: [-1, 1],
      max_decade: 0,
      auto: true,
      auto_limit: 1,
      reflect_half: false,
      order_index: 0,
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    tensor: { deserialize: unpack_models },
    companion: { deserialize: unpack_models },
    colour_scale: { deserialize: unpack_models },
    time_scale: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.setAgreedNorm(placeSliders(normStateOf(this)));
    this.on(NORM_TRAITS.map((name) => `change:${name}`).join(' '), this.followNorm, this);
    this.on('change:norm change:log_colours', this.applyNorm, this);
    this.on('change:time_range', this.applyTime, this);
    this.on('change:order_index', () => this.set('reflect_half', this.get('order_index') === 1));
    this.on('change:reflect_half', () => this.set('order_index', this.reflect ? 1 : 0));
    // not 'change', which ipywidgets loses when a handler of, say, 'change:order_index' calls `set`
    this.on(SHOWN.map((name) => `change:${name}`).join(' '), this.invalidate, this);
    this.listenTo(this.tensor, 'change', this.tensorChanged);
    this.listenTo(this.companion, 'change', this.invalidate);
    this.applyNorm();
    this.timesteps = this.plotArray?.timesteps ?? 0;
    this.applyTime();
  }

  /**
   * Take what a message says. With an automatic range it may be that of another page, or of a moment
   * ago: then it is no range that was chosen.
   */
  override set_state(state: Backbone.ObjectHash): void {
    const { auto, auto_limit: own, linked_limit: linked } = { ...this.attributes, ...state };
    const isAutomatic = (auto as boolean) && 'norm' in state;
    const limit = Math.max(own as number, (linked as number | undefined) ?? 0);
    taking(() => super.set_state(isAutomatic ? { ...state, norm: [-limit, limit] } : state));
  }

  /** What Python is told: not where sliders are, which follows from the range, nor what is linked. */
  override serialize(state: Backbone.ObjectHash): ReturnType<WidgetModel['serialize']> {
    return super.serialize(
      Object.fromEntries(Object.entries(state).filter(([name]) => !OF_PAGE.has(name))),
    );
  }

  override send_sync_message(...message: Parameters<WidgetModel['send_sync_message']>): string {
    this.sentAt = performance.now();
    return super.send_sync_message(...message);
  }

  override _handle_status(status: Parameters<WidgetModel['_handle_status']>[0]): void {
    const wait = this.sentAt + BETWEEN_MESSAGES - performance.now();
    if (wait > 0) {
      setTimeout(() => super._handle_status(status), wait);
    } else {
      super._handle_status(status);
    }
  }

  get tensor(): TensorModel {
    return this.get('tensor') as TensorModel;
  }

  /** Another gradient of the same layer, beside the one that is shown. */
  get companion(): TensorModel {
    return this.get('companion') as TensorModel;
  }

  get plotArray(): PlotArray | null {
    return this.tensor.plotArray;
  }

  get norm(): Norm {
    const [vmin, vmax] = this.get('norm') as [number, number];
    return { vmin, vmax };
  }

  /** Whether colours show log10 of magnitudes. */
  get logColours(): boolean {
    return this.get('log_colours') as boolean;
  }

  /** Share of the strongest timestep below which a gradient counts as not reaching one. */
  get threshold(): number {
    return this.get('threshold') as number;
  }

  /** Ends of the value axes, where they were chosen; null if they fit the values. */
  get ylim(): Limits | null {
    return this.get('ylim') as Limits | null;
  }

  /** First and last timestep that is shown. */
  get timeRange(): readonly [number, number] {
    const last = (this.plotArray?.timesteps ?? 1) - 1;
    const [from, to] = (this.get('time_range') as [number, number] | null) ?? [0, last];
    return [clamp(from, last + 1), clamp(to, last + 1)];
  }

  /** Whether a part of the time axis is shown. */
  get isZoomed(): boolean {
    return this.get('time_range') !== null;
  }

  /** Positions on the time axis that lie in a domain of it. */
  span(domain: number[]): Span {
    const count = this.plotArray?.timesteps ?? 0;
    return [Math.max(Math.floor(domain[0] + 0.5), 0), Math.min(Math.ceil(domain[1] + 0.5), count)];
  }

  get reflect(): boolean {
    return this.get('reflect_half') as boolean;
  }

  /**
   * What is selected, in range for the tensor; before anything was pointed at, the last timestep
   * that is not masked.
   */
  get point(): Point {
    const plotArray = this.plotArray;
    const [samples, timesteps, channels] = plotArray
      ? [plotArray.samples, plotArray.timesteps, plotArray.channels]
      : [1, 1, 1];
    const timestep = this.get('timestep') as number | null;
    const sample = clamp(this.get('sample') as number, samples);
    const last = plotArray === null ? 0 : lastCounted(plotArray, sample);
    return {
      sample,
      timestep: clamp(timestep ?? last, timesteps),
      channel: clamp(this.get('channel') as number, channels),
    };
  }

  /** What the readout tells: what is under the pointer, or else what is selected. */
  get readoutPoint(): Point {
    const point = this.point;
    return { ...point, ...this.hovered };
  }

  /** The sample under the pointer where there are many; null elsewhere. */
  get hoveredSample(): number | null {
    return this.hovered?.sample ?? null;
  }

  /** Point at a timestep and, over heat maps, at a channel and a sample. Not sent to Python. */
  hover(timestep: number | null, over: Partial<Point> | null): void {
    const moved = this.hovered?.channel !== over?.channel || this.hovered?.sample !== over?.sample;
    this.hovered = over;
    if (timestep !== null && timestep !== this.get('timestep')) {
      this.set('timestep', timestep);
    } else if (moved) {
      this.invalidate();
    }
  }

  /** Set selected indices, in range, and send them to Python. */
  choose(change: Partial<Point>): void {
    const plotArray = this.plotArray;
    if (plotArray === null) {
      return;
    }
    const sizes = {
      sample: plotArray.samples,
      timestep: plotArray.timesteps,
      channel: plotArray.channels,
    };
    for (const [axis, index] of Object.entries(change) as [keyof Point, number][]) {
      this.set(axis, clamp(index, sizes[axis]));
    }
    this.bringIntoView();
    this.save_changes();
  }

  /** Show a range of timesteps, at least two, in every panel; null shows all. */
  zoom(range: readonly [number, number] | null): void {
    const last = (this.plotArray?.timesteps ?? 1) - 1;
    const [from, to] = range === null ? [0, last] : [Math.min(...range), Math.max(...range)];
    const first = clamp(Math.round(from), last);
    const end = Math.max(clamp(Math.round(to), last + 1), first + 1);
    const whole = range === null || (first === 0 && end >= last);
    this.set('time_range', whole ? null : [first, end]);
    this.save_changes();
  }

  /** Zoom between two places of what is shown; its ends are halfway to timesteps that are not. */
  brush(...places: [number, number]): void {
    const [first, last] = this.timeRange;
    const [from, to] = places.map((place) => Math.min(Math.max(place, first), last));
    this.zoom([from, to]);
  }

  /** Move a zoomed range along with the chosen timestep. */
  private bringIntoView(): void {
    const [first, last] = this.timeRange;
    const { timestep } = this.point;
    const by = timestep < first ? timestep - first : timestep > last ? timestep - last : 0;
    if (by !== 0) {
      this.set('time_range', [first + by, last + by]);
    }
  }

  /** Make changes that belong together: `redraw` is triggered once, after the last. */
  together(change: () => void): void {
    const outer = this.held;
    this.held = true;
    try {
      change();
    } finally {
      this.held = outer;
    }
    this.invalidate();
  }

  /** Trigger `redraw`, now or at the next frame. */
  invalidate(): void {
    if (this.held) {
      return;
    }
    if (this.framePending) {
      this.stale = true;
      return;
    }
    this.framePending = true;
    requestAnimationFrame(() => {
      this.framePending = false;
      if (this.stale) {
        this.stale = false;
        this.invalidate();
      }
    });
    this.trigger('redraw');
  }

  private tensorChanged(): void {
    this.hovered = null;
    const count = this.plotArray?.timesteps ?? 0;
    if (count !== this.timesteps && this.timesteps !== 0) {
      this.set('time_range', null); // the range belonged to another axis
    }
    this.timesteps = count;
    this.applyTime();
    this.invalidate();
  }

  /** The largest magnitude of the range: the limit of the symmetric slider. */
  get limit(): number {
    return limitOf(this.norm);
  }

  /** After any of them was set, let range, sliders and button agree again; see `nextNorm`. */
  private followNorm(): void {
    const change = changedPart(this.agreedNorm, normStateOf(this));
    this.setAgreedNorm(nextNorm(this.agreedNorm, change));
  }

  private setAgreedNorm(state: NormState): void {
    // stored first, because `set` calls `followNorm` again
    this.agreedNorm = state;
    this.set(traitsOf(changedPart(normStateOf(this), state)));
  }

  /** The colour scale stays symmetric, so that zero keeps the neutral colour in any range. */
  private applyNorm(): void {
    const scale = this.get('colour_scale') as WidgetModel | null;
    const linear = { min: -this.limit, mid: 0, max: this.limit };
    scale?.set(this.logColours ? { min: -LOG_DECADES, mid: null, max: 0 } : linear);
  }

  private applyTime(): void {
    const [first, last] = this.timeRange;
    const scale = this.get('time_scale') as WidgetModel | null;
    scale?.set({ min: first - 0.5, max: last + 0.5 });
  }

  /** The last state in which range, sliders and button agreed. */
  declare private agreedNorm: NormState;
  private hovered: Partial<Point> | null = null;
  private timesteps = 0;
  private held = false;
  private sentAt = Number.NEGATIVE_INFINITY;
  private framePending = false;
  private stale = false;
}
