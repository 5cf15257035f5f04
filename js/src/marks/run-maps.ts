import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import { PooledCells } from '../data/pooled';
import type { PlotArray, Point, Rows, Span } from '../data/slicing';
import { rowsOfSample, valueAt } from '../data/slicing';
import { number } from '../drawing/format';
import type { Panel } from '../drawing/panels';
import type { TensorModel } from '../widgets/tensor';
import { Grid, GridModel } from './grid';
import { channelAt, channelTicks } from './maps';

export class RunMapsModel extends GridModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'RunMapsModel',
      _view_name: 'RunMaps',
      tensors: [],
      names: [],
      run: 0,
    };
  }

  static override serializers: ISerializers = {
    ...GridModel.serializers,
    tensors: { deserialize: unpack_models },
  };

  get tensors(): readonly TensorModel[] {
    return this.get('tensors') as readonly TensorModel[];
  }
}

/** A picture that was painted: what `PooledCells` is asked for. */
type Picture = [array: PlotArray, rows: Rows, span: Span, height: number, width: number];

/** Bytes of reduced pictures that are kept, for all runs together. */
const KEPT = 64e6;

/** A heat map for each run that is compared: the chosen sample, in the colours of one range. */
export class RunMaps extends Grid {
  declare model: RunMapsModel;

  protected readonly perPage = 24;
  protected override readonly chosenEvent = '';

  override create_listeners(): void {
    super.create_listeners();
    for (const tensor of this.model.tensors) {
      this.listenTo(tensor, 'change', this.draw);
    }
  }

  protected override get chosen(): number {
    return this.model.get('run') as number;
  }

  protected override count(): number {
    return this.model.tensors.length;
  }

  protected override pointOf(): Partial<Point> {
    return {}; // a run is no place of a tensor
  }

  protected override chooseAt(event: MouseEvent): void {
    super.chooseAt(event);
    const panel = this.panelUnder(event);
    if (panel !== null) {
      this.model.set('run', panel.index);
      this.model.save_changes();
    }
  }

  protected paintPanels(
    context: CanvasRenderingContext2D,
    _plotArray: PlotArray,
    panels: Panel[],
  ): void {
    const [first, end] = this.span;
    this.painted = [];
    for (const panel of panels) {
      const own = this.arrayOf(panel.index);
      if (own !== null && first < own.timesteps) {
        const sample = Math.min(this.selection.point.sample, own.samples - 1);
        const rows = rowsOfSample(own, sample, 0, own.channels, this.selection.reflect);
        const span: Span = [first, Math.min(end, own.timesteps)];
        // a shorter run ends where its last timestep is
        const width = (panel.width * (span[1] - span[0])) / (end - first);
        this.drawCells(context, own, rows, span, { ...panel, width });
      }
    }
    this.lookAhead();
  }

  protected override cellsOf(...picture: Picture): Float32Array {
    this.painted.push(picture);
    this.pooled ??= new PooledCells(KEPT / this.model.tensors.length);
    return this.pooled.get(...picture);
  }

  override remove(): void {
    this.stopLookingAhead();
    super.remove();
  }

  /** Reduce the other samples while the page has nothing else to do, the nearest ones first. */
  private lookAhead(): void {
    this.stopLookingAhead();
    if (!('requestIdleCallback' in window)) {
      return; // not in Safari: they are reduced when they are painted
    }
    const others = othersOf(this.painted);
    const work = (idle: IdleDeadline): void => {
      while (idle.timeRemaining() > 5) {
        const { done, value } = others.next();
        if (done) {
          return;
        }
        if (this.pooled?.wants(...value)) {
          this.pooled.get(...value);
        }
      }
      this.idle = requestIdleCallback(work);
    };
    this.idle = requestIdleCallback(work);
  }

  private stopLookingAhead(): void {
    if (this.idle !== 0) {
      cancelIdleCallback(this.idle);
      this.idle = 0;
    }
  }

  protected override wordsKey(): unknown[] {
    const { sample, timestep, channel } = this.selection.readoutPoint;
    const arrays = this.model.tensors.map((tensor) => tensor.get('array') as unknown);
    return [...super.wordsKey(), sample, timestep, channel, ...arrays];
  }

  /** The name of a run, and its value at what is pointed at. */
  protected name(index: number): string {
    const name = (this.model.get('names') as string[])[index];
    const own = this.arrayOf(index);
    const { sample, timestep, channel } = this.selection.readoutPoint;
    if (own === null || sample >= own.samples || timestep >= own.timesteps) {
      return name;
    }
    const row = Math.min(channel, own.channels - 1);
    return `${name} · ${number(valueAt(own, sample, timestep, row, this.selection.reflect))}`;
  }

  protected label(_plotArray: PlotArray, panel: Panel): SVGElement[] {
    const own = this.arrayOf(panel.index);
    return (own === null ? [] : channelTicks(own, panel)).map(([text, x, y]) => {
      const label = this.text(text, x, y);
      label.setAttribute('text-anchor', 'end');
      return label;
    });
  }

  protected locate(plotArray: PlotArray, panel: Panel, y: number): Partial<Point> {
    return { channel: channelAt(this.arrayOf(panel.index) ?? plotArray, panel, y) };
  }

  private arrayOf(index: number): PlotArray | null {
    return this.model.tensors[index].plotArray;
  }

  private pooled: PooledCells | null = null;
  private painted: Picture[] = [];
  private idle = 0;
}

/** The same pictures of other samples, from the nearest ones to the farthest. */
function* othersOf(pictures: readonly Picture[]): Generator<Picture, void> {
  const most = Math.max(...pictures.map(([{ samples }]) => samples));
  for (let distance = 1; distance < most; distance++) {
    for (const [array, rows, ...rest] of pictures) {
      const size = array.timesteps * array.channels;
      for (const offset of [rows.offset + distance * size, rows.offset - distance * size]) {
        if (offset >= 0 && offset < array.samples * size) {
          yield [array, { ...rows, offset }, ...rest];
        }
      }
    }
  }
}
