import { unpack_models } from '@jupyter-widgets/base';

import { PlotFrameModel } from './frame';

/** An explorer: its traits follow from what its selection and its timeline show. */
export class ExplorerModel extends PlotFrameModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      _model_name: 'ExplorerModel',
      timeline: null,
      has_halves: false,
      sample: 0,
      channel: 0,
      norm: 'auto',
      reflect_half: false,
      step: null,
    };
  }

  static override serializers = {
    ...PlotFrameModel.serializers,
    timeline: { deserialize: unpack_models },
  };
}

/** One view of an array. */
export class FeaturesModel extends PlotFrameModel {
  override defaults(): Backbone.ObjectHash {
    return { ...super.defaults(), _model_name: 'FeaturesModel', norm: 'auto' };
  }
}
