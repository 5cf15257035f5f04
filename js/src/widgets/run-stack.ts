import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models, WidgetModel } from '@jupyter-widgets/base';

import type { Align, Stack } from '../data/compared';
import { stacked } from '../data/compared';
import { MODULE_STATE } from '../version';
import type { SelectionModel } from './selection';
import type { TensorModel } from './tensor';

/** What the x axis counts: values of the trait `align`. */
const ALIGNED_BY: readonly Align[] = ['lag', 'timestep'];

/**
 * The norms of runs that are compared, one beside the other. They become the tensor of the
 * selection, so that the cursor and the time axis have as many places as there are.
 */
export class RunStackModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'RunStackModel',
      _view_name: null,
      _view_module: null,
      _view_module_version: '',
      selection: null,
      runs: [],
      align: 0,
      page: 1,
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    selection: { deserialize: unpack_models },
    runs: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    this.on('change:runs', this.listen, this); // recordings may join those that are there
    this.on('change:align', this.build, this);
    this.on('change:page', () => this.selection.invalidate());
    this.listen();
  }

  /** The norms as they are drawn now. */
  get stack(): Stack {
    return this.built;
  }

  get align(): Align {
    return ALIGNED_BY[this.get('align') as number];
  }

  get selection(): SelectionModel {
    return this.get('selection') as SelectionModel;
  }

  /** Which conditions are drawn. */
  get page(): number {
    return this.get('page') as number;
  }

  get runs(): readonly TensorModel[] {
    return this.get('runs') as readonly TensorModel[];
  }

  private listen(): void {
    this.listened?.forEach((run) => this.stopListening(run));
    this.listened = this.runs;
    this.listened.forEach((run) => this.listenTo(run, 'change:array change:mask', this.build));
    this.build();
  }

  private build(): void {
    this.built = stacked(
      this.runs.map(({ plotArray, directions }) => ({ array: plotArray, directions })),
      this.align,
    );
    const { data, samples, timesteps, channels } = this.built.array;
    this.selection.tensor.set({
      array: { values: data, shape: [samples, timesteps, channels] },
      columns: this.align,
    });
  }

  declare private built: Stack;
  declare private listened: readonly TensorModel[] | undefined;
}
