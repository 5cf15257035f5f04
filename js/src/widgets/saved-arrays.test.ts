// Which models keep their array in the state that is saved with a notebook.
import { expect, it, vi } from 'vitest';

import { MOST_SAVED } from '../data/saved';
import { model } from '../testing/model';
import { noteArray, stateToSave } from './saved-arrays';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));
const { WidgetModel } = await import('@jupyter-widgets/base');

/** A model with an array, of a run or by itself, that counts how often the array is looked at. */
class ArrayModel extends WidgetModel {
  looks = 0;
  declare runId: string | undefined;

  override get(name: string): unknown {
    this.looks += Number(name === 'array');
    return super.get(name);
  }
}

function made(manager: object, bytes: number, runId?: string): ArrayModel {
  const array = { values: { byteLength: bytes }, shape: [] };
  const found = Object.assign(model(ArrayModel, { array }), { widget_manager: manager, runId });
  noteArray(found as never);
  return found;
}

const save = (each: ArrayModel): object => stateToSave(each as never, { array: 'all' } as never);

it('a run is saved whole or not at all', () => {
  const manager = {};
  const alone = made(manager, MOST_SAVED / 2);
  const run = [0, 1, 2].map(() => made(manager, MOST_SAVED / 4, 'run'));
  expect(save(alone)).toEqual({ array: 'all' });
  for (const each of run) {
    expect(save(each)).toEqual({ array: null, left_out: MOST_SAVED / 4 });
  }
});

it('what is saved is found once for all models, and again for the next time', async () => {
  const manager = {};
  const models = Array.from({ length: 100 }, () => made(manager, MOST_SAVED / 200, 'run'));
  const looks = (): number => models.reduce((sum, each) => sum + each.looks, 0);
  models.forEach(save);
  expect(looks()).toBeLessThanOrEqual(3 * models.length);
  await Promise.resolve();
  const large = models.map(() => made(manager, MOST_SAVED / 200, 'run'));
  large.push(made(manager, 1, 'run'));
  expect(save(models[0])).toEqual({ array: null, left_out: MOST_SAVED / 200 });
});
