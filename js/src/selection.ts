import { unpack_models, WidgetModel } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';

import type { Norm } from './colours';
import { handlesOf, limitAt, normOfHandles, stopOf } from './norms';
import type { Cube } from './slicing';
import type { TensorModel } from './tensor';
import { MODULE_STATE } from './version';

/** The cell that is pointed at or selected, in range for the tensor of now. */
export interface Point {
  readonly sample: number;
  /** Position on the time axis as it is shown. */
  readonly timestep: number;
  readonly channel: number;
}

/** Attributes that the picture depends on; the others follow from them. */
const SHOWN = ['sample', 'timestep', 'channel', 'norm', 'reflect_half'];

function clamp(index: number, count: number): number {
  return Math.min(Math.max(index, 0), Math.max(count - 1, 0));
}

/**
 * What of the tensor is shown. It has no view: sliders are linked to its traits, marks and readouts
 * listen to its one event, `redraw`.
 *
 * `redraw` comes at once for the first change in a frame and once more, at the next frame, for all
 * that follow: a single move is drawn without delay, a burst is drawn once a frame.
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
      colour_scale: null,
      sample: 0,
      channel: 0,
      timestep: null,
      norm: [-1, 1],
      top: 0,
      stop: 0,
      handles: [0, 0],
      auto: true,
      auto_limit: 1,
      reflect_half: false,
      order: 0,
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    tensor: { deserialize: unpack_models },
    colour_scale: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.on('change:stop', this.stopChanged, this);
    this.on('change:handles', this.handlesChanged, this);
    this.on('change:norm', this.normChanged, this);
    this.on('change:top', this.placeSliders, this);
    this.on('change:auto', this.autoChanged, this);
    this.on('change:order', () => this.set('reflect_half', this.get('order') === 1));
    this.on('change:reflect_half', () => this.set('order', this.reflect ? 1 : 0));
    // not 'change': ipywidgets loses it when a handler of 'change:order', say, calls `set` again
    this.on(SHOWN.map((name) => `change:${name}`).join(' '), this.invalidate, this);
    this.listenTo(this.tensor, 'change', this.tensorChanged);
    this.placeSliders();
    this.applyNorm();
  }

  get tensor(): TensorModel {
    return this.get('tensor') as TensorModel;
  }

  get cube(): Cube | null {
    return this.tensor.cube;
  }

  get norm(): Norm {
    const [vmin, vmax] = this.get('norm') as [number, number];
    return { vmin, vmax };
  }

  get reflect(): boolean {
    return this.get('reflect_half') as boolean;
  }

  /** What is selected; before anything was pointed at, the last timestep. */
  get point(): Point {
    const cube = this.cube;
    const [samples, timesteps, channels] = cube
      ? [cube.samples, cube.timesteps, cube.channels]
      : [1, 1, 1];
    const timestep = this.get('timestep') as number | null;
    return {
      sample: clamp(this.get('sample') as number, samples),
      timestep: clamp(timestep ?? timesteps - 1, timesteps),
      channel: clamp(this.get('channel') as number, channels),
    };
  }

  /** The channel under the pointer, else the selected one: what the readout tells. */
  get readoutPoint(): Point {
    const point = this.point;
    return this.hovered === null ? point : { ...point, channel: this.hovered };
  }

  /** Point at a timestep and, over a heat map, at a channel. Not sent to Python until `settle`. */
  hover(timestep: number | null, channel: number | null): void {
    const moved = this.hovered !== channel;
    this.hovered = channel;
    if (timestep !== null && timestep !== this.point.timestep) {
      this.set('timestep', timestep);
    } else if (moved) {
      this.invalidate();
    }
  }

  /** Set selected indices, in range, and send them to Python. */
  choose(change: Partial<Point>): void {
    const cube = this.cube;
    if (cube === null) {
      return;
    }
    const sizes = { sample: cube.samples, timestep: cube.timesteps, channel: cube.channels };
    for (const [axis, index] of Object.entries(change) as [keyof Point, number][]) {
      this.set(axis, clamp(index, sizes[axis]));
    }
    this.save_changes();
  }

  /** Ask for one `redraw`. */
  invalidate(): void {
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
    this.invalidate();
  }

  private get autoLimit(): number {
    return this.get('auto_limit') as number;
  }

  private get top(): number {
    return this.get('top') as number;
  }

  /** The largest magnitude of the range: the limit of the symmetric slider. */
  private get limit(): number {
    const { vmin, vmax } = this.norm;
    return Math.max(Math.abs(vmin), Math.abs(vmax));
  }

  private stopChanged(): void {
    const stop = this.get('stop') as number;
    if (stop !== stopOf(this.limit, this.top)) {
      const limit = limitAt(stop, this.top);
      this.set({ norm: [-limit, limit], auto: false });
    }
  }

  private handlesChanged(): void {
    const handles = this.get('handles') as [number, number];
    const [low, high] = handlesOf(this.norm, this.top);
    if (handles[0] !== low || handles[1] !== high) {
      const { vmin, vmax } = normOfHandles(handles, this.norm, this.top);
      this.set({ norm: [vmin, vmax], auto: false });
    }
  }

  private normChanged(): void {
    const { vmin, vmax } = this.norm;
    const isAuto = vmin === -this.autoLimit && vmax === this.autoLimit;
    this.set('auto', (this.get('auto') as boolean) && isAuto);
    this.placeSliders();
    this.applyNorm();
  }

  /** Let the two norm sliders say what the norm is. */
  private placeSliders(): void {
    this.set({ stop: stopOf(this.limit, this.top), handles: handlesOf(this.norm, this.top) });
  }

  private autoChanged(): void {
    if (this.get('auto')) {
      this.set('norm', [-this.autoLimit, this.autoLimit]);
    }
  }

  /** The colour scale stays symmetric, so that zero keeps the neutral colour in any range. */
  private applyNorm(): void {
    const scale = this.get('colour_scale') as WidgetModel | null;
    scale?.set({ min: -this.limit, mid: 0, max: this.limit });
  }

  private hovered: number | null = null;
  private framePending = false;
  private stale = false;
}
