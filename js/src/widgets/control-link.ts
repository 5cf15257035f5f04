import type { ISerializers } from '@jupyter-widgets/base';
import { unpack_models, WidgetModel } from '@jupyter-widgets/base';

import { MODULE_STATE } from '../version';
import type { SelectionModel } from './selection';

/**
 * A control that moves a trait of the selection, and follows it.
 *
 * The place of a control is a matter of the page: Python is not told, and what a message says of it is
 * not taken. Sliders of ipywidgets tell each place, also where they were put, and of another page's
 * that would look like a person who moved it. The two would move each other for ever.
 */
export class ControlLinkModel extends WidgetModel {
  override defaults(): Backbone.ObjectHash {
    return {
      ...super.defaults(),
      ...MODULE_STATE,
      _model_name: 'ControlLinkModel',
      selection: null,
      selection_trait: '',
      control: null,
      control_trait: 'value',
    };
  }

  static override serializers: ISerializers = {
    ...WidgetModel.serializers,
    selection: { deserialize: unpack_models },
    control: { deserialize: unpack_models },
  };

  override initialize(attributes: Backbone.ObjectHash, options: never): void {
    super.initialize(attributes, options);
    const selection = this.get('selection') as SelectionModel;
    const control = this.get('control') as WidgetModel;
    const [trait, place] = ['selection_trait', 'control_trait'].map((n) => this.get(n) as string);
    let isPlacing = false;
    const follow = (): void => {
      isPlacing = true;
      control.set(place, selection.get(trait));
      isPlacing = false;
    };
    follow();
    const setState = control.set_state;
    control.set_state = ({ [place]: _, ...state }) => setState.call(control, state);
    // Python has the trait of the selection, so that a drag need not tell it everything twice
    control.save_changes = () => undefined;
    this.listenTo(selection, `change:${trait}`, follow);
    this.listenTo(control, `change:${place}`, () => {
      if (!isPlacing) {
        selection.set(trait, control.get(place));
        selection.save_changes();
      }
    });
  }
}
