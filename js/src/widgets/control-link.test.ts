// A control and the selection: which of them moves the other, and what is sent to Python.
import { WidgetModel } from '@jupyter-widgets/base';
import { describe, expect, it, vi } from 'vitest';

import { model } from '../testing/model';
import { ControlLinkModel } from './control-link';
import { SelectionModel } from './selection';
import { TensorModel } from './tensor';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));
vi.stubGlobal('requestAnimationFrame', () => 0);

function make(): { selection: SelectionModel; slider: WidgetModel; saved: string[] } {
  const array = { shape: [5, 2, 1], values: new Float32Array(10) };
  const tensor = model(TensorModel, { array });
  const companion = model(TensorModel);
  const selection = model(SelectionModel, { tensor, companion, sample: 2 });
  const slider = model(WidgetModel, { value: 0 });
  model(ControlLinkModel, { selection, selection_trait: 'sample', control: slider });
  const saved: string[] = [];
  selection.save_changes = () => saved.push('selection');
  return { selection, slider, saved };
}

describe('a control', () => {
  it('begins where the selection is, whatever Python says of it', () => {
    expect(make().slider.get('value')).toBe(2);
  });

  it('follows the selection, and Python is not told', () => {
    const { selection, slider, saved } = make();
    selection.set('sample', 4);
    expect(slider.get('value')).toBe(4);
    expect(saved).toEqual([]);
  });

  it('is not moved by a message of another page', () => {
    const { selection, slider, saved } = make();
    slider.set_state({ value: 4, max: 9 });
    expect([slider.get('value'), slider.get('max')]).toEqual([2, 9]);
    expect([selection.get('sample'), saved]).toEqual([2, []]);
  });

  it('moves the selection, and Python is told', () => {
    const { selection, slider, saved } = make();
    slider.set('value', 3);
    slider.save_changes(); // as views of ipywidgets do after each move
    expect(selection.get('sample')).toBe(3);
    expect([saved, (slider as { saves?: number }).saves]).toEqual([['selection'], undefined]);
  });
});
