// The timeline: which snapshot is shown, compared or kept, and what the selection has of it.
import { WidgetModel } from '@jupyter-widgets/base';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { ComparedSteps } from '../data/difference';
import type { DenseArray } from '../data/wire';
import { model } from '../testing/model';
import { SelectionModel } from './selection';
import { SnapshotModel } from './snapshot';
import { TensorModel } from './tensor';
import { SHOW, TimelineModel } from './timeline';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', () => 0);
});

/** One sample, two timesteps, one channel: the training step, and its negative. */
function arrayOf(step: number): DenseArray {
  return { shape: [1, 2, 1], values: Float32Array.of(step, -step) };
}

interface Made {
  readonly timeline: TimelineModel;
  readonly selection: SelectionModel;
  readonly summary: WidgetModel;
  /** Let the snapshot of a step join, with the number of those before. */
  take(step: number, number?: number): SnapshotModel;
  /** What every view draws: the value at timestep 0, and which steps the captions compare. */
  drawn(): [number, ComparedSteps | null];
}

function make(steps: number[] = [], attributes: object = {}): Made {
  const selection = model(SelectionModel, {
    tensor: model(TensorModel, { array: arrayOf(-1) }),
    companion: model(TensorModel),
  });
  const summary = model(WidgetModel);
  const timeline = model(TimelineModel, { selection, summary, capacity: 100, ...attributes });
  let count = 0;
  const take = (step: number, number = count): SnapshotModel => {
    count++;
    const told = { samples: [`told ${step}`] };
    const words = { summary: `summary ${step}`, told, status: `step ${step}`, status_step: step };
    const given = { number, step, loss: 1 / step, array: arrayOf(step), ...words };
    const ours = { timeline_id: timeline.model_id, auto_limit: step, max_decade: 3 };
    return model(SnapshotModel, { ...given, ...ours });
  };
  steps.forEach((step) => take(step));
  const drawn = (): [number, ComparedSteps | null] => {
    const { data } = selection.tensor.plotArray ?? { data: [NaN] };
    return [data[0], selection.tensor.comparedSteps];
  };
  return { timeline, selection, summary, take, drawn };
}

describe('what is drawn', () => {
  it('is the latest snapshot while it is followed', () => {
    const { timeline, selection, summary, take, drawn } = make([10]);
    expect(drawn()).toEqual([10, null]);
    take(20);
    expect(drawn()).toEqual([20, null]);
    expect(summary.get('value')).toBe('summary 20');
    expect(selection.norm).toEqual({ vmin: -20, vmax: 20 });
    expect(timeline.status).toEqual({ text: 'step 20', step: 20 });
  });

  it('has the status that was said last, in whichever order a page learns of it', () => {
    const { timeline, take } = make([], { status: 'ended', status_step: null, status_number: 2 });
    expect(timeline.status.text).toBe('ended');
    take(20, 1); // restored after the timeline, in any order
    take(10, 0);
    expect(timeline.status.text).toBe('ended');
    take(30, 2);
    expect(timeline.status).toEqual({ text: 'step 30', step: 30 });
    timeline.set({ status: 'interrupted', status_number: 3 });
    expect(timeline.status.text).toBe('interrupted');
  });

  it('is the chosen snapshot, also when others come', () => {
    const { timeline, take, drawn } = make([10, 20, 30]);
    timeline.scrub(1);
    take(40);
    expect(drawn()).toEqual([20, null]);
    expect(timeline.get('follow')).toBe(false);
    timeline.setFollow(true);
    expect(drawn()).toEqual([40, null]);
  });

  it('is told of, also with another threshold, and a difference is not', () => {
    const { timeline, selection, take } = make([10, 20]);
    const said = (): readonly string[] | undefined => selection.tensor.told?.samples;
    expect(said()).toEqual(['told 20']);
    timeline.scrub(0);
    expect(said()).toEqual(['told 10']);
    timeline.snapshots[1].set('told', { samples: ['anew 20'] });
    expect(said()).toEqual(['told 10']);
    timeline.snapshots[0].set('told', { samples: ['anew 10'] });
    expect(said()).toEqual(['anew 10']);
    timeline.setPin(true);
    timeline.scrub(1);
    timeline.setShow(SHOW.difference);
    expect(selection.tensor.told).toBeNull();
    timeline.setShow(SHOW.pinned);
    expect(said()).toEqual(['anew 10']);
    timeline.setShow(SHOW.step);
    take(30);
    expect(said()).toEqual(['anew 20']);
  });

  it('goes on from step to step, to the ends', () => {
    const { timeline, drawn } = make([10, 20, 30]);
    const shown = [-1, -1, -1, 2, 5].map((by) => {
      timeline.moveBy(by);
      return drawn()[0];
    });
    expect(shown).toEqual([20, 10, 10, 30, 30]);
    timeline.showNearest(14);
    expect(drawn()[0]).toBe(10);
  });

  it('keeps a range that was chosen', () => {
    const { selection, take } = make([10]);
    selection.set('norm', [-7, 7]);
    take(20);
    expect(selection.norm).toEqual({ vmin: -7, vmax: 7 });
    expect(selection.get('auto_limit')).toBe(20);
  });
});

describe('the automatic range and the summary', () => {
  const late = { auto_limit: 5, max_decade: 1, norm: [-5, 5] };

  it('is that of what is drawn, whatever another page says', () => {
    const { selection, summary } = make([10, 20]);
    selection.set(late);
    summary.set('value', 'summary 5');
    expect(summary.get('value')).toBe('summary 20');
    expect(selection.norm).toEqual({ vmin: -20, vmax: 20 });
    expect([selection.get('auto_limit'), selection.get('max_decade')]).toEqual([20, 3]);
  });

  it('is that of another tensor when Python sends one', () => {
    const { selection, summary } = make([10, 20]);
    selection.tensor.set('array', arrayOf(5));
    selection.set(late);
    summary.set('value', 'summary 5');
    expect(summary.get('value')).toBe('summary 5');
    expect(selection.norm).toEqual({ vmin: -5, vmax: 5 });
    expect(selection.get('max_decade')).toBe(1);
  });

  it('is not that of a range that was chosen elsewhere', () => {
    const { selection } = make([10, 20]);
    selection.set({ ...late, auto: false });
    expect(selection.norm).toEqual({ vmin: -5, vmax: 5 });
    expect(selection.get('auto_limit')).toBe(20);
  });
});

describe('a comparison with A', () => {
  it.each([
    [0, 1030, null, 1030],
    [1, 10, [10, null], 10],
    [2, 1020, [1030, 10], 1500],
  ] as const)('shows %i', (show, value, steps, limit) => {
    const { timeline, selection, drawn } = make([10, 20, 1030]);
    timeline.scrub(0);
    timeline.setPin(true);
    timeline.scrub(2);
    timeline.setShow(show);
    expect(timeline.get('pinned')).toBe(10);
    expect(drawn()).toEqual([value, steps]);
    expect(selection.get('auto_limit')).toBe(limit);
  });

  it('has the range of the step where the difference is zero', () => {
    const { timeline, selection, drawn } = make([10]);
    timeline.setPin(true);
    timeline.setShow(2);
    expect(drawn()).toEqual([0, [10, 10]]);
    expect(selection.get('auto_limit')).toBe(10);
  });

  it('has the documented percentile for its range, not the maximum', () => {
    const values = new Float32Array(1000).fill(0.3);
    values[0] = 1e6;
    const { timeline, selection } = make();
    const timeline_id = timeline.model_id;
    const join = (step: number, array: DenseArray): SnapshotModel =>
      model(SnapshotModel, { timeline_id, number: step, step, array, auto_limit: 7 });
    join(0, { shape: [1, 1000, 1], values: new Float32Array(1000) });
    timeline.setPin(true);
    join(1, { shape: [1, 1000, 1], values });
    timeline.setShow(2);
    expect(selection.norm).toEqual({ vmin: -0.3, vmax: 0.3 });
  });

  it('ends with the pin, and leaves the captions with the timeline', () => {
    const { timeline, drawn } = make([10, 20]);
    timeline.setPin(true);
    timeline.setShow(1);
    expect(drawn()[1]).toEqual([20, null]);
    timeline.clearComparison();
    expect(drawn()[1]).toBeNull();
    timeline.setPin(false);
    expect(timeline.get('show')).toBe(0);
    expect(timeline.get('pinned')).toBeNull();
  });
});

describe('what is kept', () => {
  it('is thinned; the memory of the others is released', () => {
    const { timeline, take } = make([], { capacity: 4 });
    const all = Array.from({ length: 9 }, (_, i) => take(10 * i));
    expect(timeline.snapshots.map(({ step }) => step)).toEqual([0, 40, 80]);
    expect(all.filter(({ array }) => array !== null).map(({ step }) => step)).toEqual([0, 40, 80]);
  });

  it('has no two of one step', () => {
    const { timeline, take } = make([10, 20]);
    const again = take(20, 1);
    expect(timeline.snapshots.map(({ step }) => step)).toEqual([10, 20]);
    expect(timeline.snapshots[1]).toBe(again);
  });

  it('moves what is shown, and A, to what is left', () => {
    const { timeline, drawn } = make([0, 10, 20, 30, 40]);
    timeline.scrub(1);
    timeline.setPin(true);
    timeline.set('capacity', 2);
    expect(timeline.snapshots.map(({ step }) => step)).toEqual([0, 40]);
    expect(timeline.get('step')).toBe(0);
    expect(timeline.get('pinned')).toBe(0);
    expect(drawn()[0]).toBe(0);
  });

  it('loses what is closed', async () => {
    const { timeline, take, drawn } = make([10]);
    const latest = take(20);
    await latest.close();
    expect(timeline.snapshots.map(({ step }) => step)).toEqual([10]);
    expect(drawn()[0]).toBe(10);
    expect(latest.array).toBeNull();
  });
});

describe('a page that is loaded again', () => {
  interface Asked {
    readonly target: string;
    readonly modelIds: readonly string[];
    send(modelId: string, values: number[]): void;
    close(): void;
  }

  /** A timeline whose snapshots have no arrays yet, and what it asks Python for. */
  function restored(count: number): Made & { asked: Asked[]; of(step: number): SnapshotModel } {
    const asked: Asked[] = [];
    const made = make([], { step: 1, follow: false });
    Object.assign(made.timeline, {
      widget_manager: {
        _create_comm: async (target: string, _id: string, data: { model_ids: string[] }) => {
          let receive: (message: object) => void;
          const send = (model_id: string, values: number[]): void => {
            const buffers = [new DataView(Float32Array.from(values).buffer)];
            receive({
              content: { data: { model_id, dtype: 'float32', shape: [1, 2, 1] } },
              buffers,
            });
          };
          return Promise.resolve({
            on_msg: (listener: typeof receive) => {
              receive = listener;
            },
            on_close: (close: () => void) => {
              asked.push({ target, modelIds: data.model_ids, send, close });
            },
          });
        },
      },
    });
    const { timeline } = made;
    const all = Array.from({ length: count }, (_, step) => {
      const given = { number: step, step, loss: 1, array: null };
      return model(SnapshotModel, { ...given, timeline_id: timeline.model_id });
    });
    return { ...made, asked, of: (step) => all[step] };
  }

  beforeEach(() => {
    vi.stubGlobal('window', globalThis);
  });

  it('asks for the arrays: of the step that is shown first, then from the latest', async () => {
    const { asked, of } = restored(3);
    await vi.waitUntil(() => asked.length === 1);
    expect(asked[0].target).toBe('rnngrad_widgets.arrays');
    expect(asked[0].modelIds).toEqual([1, 2, 0].map((step) => of(step).model_id));
  });

  it('draws what has come, and asks for the rest until there is none', async () => {
    const { asked, of, drawn, timeline } = restored(12);
    await vi.waitUntil(() => asked.length === 1);
    expect(asked[0].modelIds).toHaveLength(8);
    asked[0].send(of(1).model_id, [5, 6]);
    expect(drawn()[0]).toBe(5);
    asked[0].modelIds.slice(1).forEach((id) => asked[0].send(id, [7, 8]));
    expect(drawn()[0]).toBe(5);
    asked[0].close();
    await vi.waitUntil(() => asked.length === 2);
    asked[1].modelIds.forEach((id) => asked[1].send(id, [7, 8]));
    asked[1].close();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(asked).toHaveLength(2);
    expect(timeline.snapshots.filter(({ array }) => array === null)).toEqual([]);
  });

  it('asks no more where nothing came, until a step that it lacks is chosen', async () => {
    const { asked, timeline } = restored(3);
    await vi.waitUntil(() => asked.length === 1);
    asked[0].close();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(asked).toHaveLength(1);
    timeline.scrub(0);
    await vi.waitUntil(() => asked.length === 2);
    expect(asked[1].modelIds[0]).toBe(timeline.snapshots[0].model_id);
  });

  it('leaves an array as it is that another page asked for', async () => {
    const { asked, of } = restored(2);
    await vi.waitUntil(() => asked.length === 1);
    asked[0].send(of(0).model_id, [1, 2]);
    const { array } = of(0);
    asked[0].send(of(0).model_id, [3, 4]);
    expect(of(0).array).toBe(array);
  });
});
