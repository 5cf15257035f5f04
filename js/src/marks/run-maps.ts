import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models } from '@jupyter-widgets/base';

import type { PlotArray, Point, Span } from '../data/slicing';
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
}
