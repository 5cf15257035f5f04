// Linked explorers: what a person does at one is seen at the other, and Python is told once of each.
import { WidgetModel } from '@jupyter-widgets/base';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { model } from '../testing/model';
import { ExplorerModel, FeaturesModel } from './explorer';
import { FrameLinkModel } from './frame-link';
import { SelectionModel } from './selection';
import { SnapshotModel } from './snapshot';
import { TensorModel } from './tensor';
import { TimelineModel } from './timeline';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));
vi.mock('@jupyter-widgets/controls', () => import('../testing/widget-base'));
vi.mock('../export/picture', () => ({ servePictures: () => undefined }));
vi.mock('./closed-models', () => ({ noteFrame: () => undefined }));
vi.mock('./kernel-end', () => ({ watchKernel: () => undefined }));

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', () => 0);
});

function arrayOf(samples: number, channels: number): object {
  return { shape: [samples, 2, channels], values: new Float32Array(samples * 2 * channels) };
}

/** A selection of a tensor, with an automatic range. */
function selectionOf(samples = 8, channels = 4, limit = 1): SelectionModel {
  return model(SelectionModel, {
    tensor: model(TensorModel, { array: arrayOf(samples, channels) }),
    companion: model(TensorModel),
    auto_limit: limit,
    norm: [-limit, limit],
  });
}

function explorerOf(selection = selectionOf(), attributes: object = {}): ExplorerModel {
  return model(ExplorerModel, { selection, has_halves: true, ...attributes });
}

function timelineOf(selection: SelectionModel, ...steps: number[]): TimelineModel {
  const timeline = model(TimelineModel, { selection, summary: model(WidgetModel), capacity: 100 });
  steps.forEach((step, number) => snapshot(timeline, step, number));
  return timeline;
}

function snapshot(timeline: TimelineModel, step: number, number: number): void {
  const state = { timeline_id: timeline.model_id, step, number, array: arrayOf(8, 4) };
  model(SnapshotModel, { ...state, auto_limit: step });
}

/** An explorer with snapshots of some steps. */
function runOf(...steps: number[]): [ExplorerModel, TimelineModel] {
  const selection = selectionOf();
  const timeline = timelineOf(selection, ...steps);
  return [explorerOf(selection, { timeline }), timeline];
}

function link(one: WidgetModel, other: WidgetModel, ...names: string[]): FrameLinkModel {
  return model(FrameLinkModel, { source_id: one.model_id, target_id: other.model_id, names });
}

const selected = (explorer: ExplorerModel): SelectionModel =>
  explorer.get('selection') as SelectionModel;

/** How often Python was told. */
const saves = (it: WidgetModel): number => (it as { saves?: number }).saves ?? 0;

describe('a linked trait', () => {
  it.each([
    ['sample', { sample: 3 }],
    ['channel', { channel: 2 }],
    ['norm', { norm: [-2, 5] }],
    ['reflect_half', { order_index: 1 }],
  ])('%s follows, both ways, and Python is told', (name, change) => {
    for (const turned of [false, true]) {
      const pair = [explorerOf(), explorerOf()];
      link(pair[0], pair[1], name);
      const [from, to] = turned ? [pair[1], pair[0]] : pair;
      selected(from).set(change);
      expect(selected(to).get(name)).toEqual(selected(from).get(name));
      expect(to.get(name)).toEqual(from.get(name));
      expect([saves(selected(from)), saves(selected(to))]).toEqual([0, 1]);
    }
  });

  it('is one of those that are named', () => {
    const [a, b] = [explorerOf(), explorerOf()];
    link(a, b, 'sample');
    selected(a).set({ sample: 3, channel: 3 });
    expect([selected(b).get('sample'), selected(b).get('channel')]).toEqual([3, 0]);
  });

  it('is carried over by a frame that is set, as jslink does', () => {
    const a = explorerOf();
    a.set('sample', 5);
    expect(selected(a).get('sample')).toBe(5);
    for (const [name, value] of [
      ['sample', 'x'],
      ['sample', null],
      ['norm', [1, 0]],
      ['norm', 'all'],
      ['step', 'last'],
    ]) {
      a.set(name as string, value);
    }
    expect(selected(a).point.sample).toBe(5);
    expect(selected(a).norm).toEqual({ vmin: -1, vmax: 1 });
  });

  it('shows what comes nearest, and does not move the other back', () => {
    const a = explorerOf();
    const few = explorerOf(selectionOf(3, 2), { has_halves: false });
    const c = explorerOf();
    link(a, few, 'sample', 'channel', 'reflect_half');
    link(few, c, 'sample', 'channel', 'reflect_half');
    selected(a).set({ sample: 6, channel: 3, order_index: 1 });
    const all = [a, few, c].map(selected);
    const shown = (): unknown[] =>
      all.map((each) => [each.get('sample'), each.get('channel'), each.reflect]);
    expect(shown()).toEqual([
      [6, 3, true],
      [2, 1, false],
      [6, 3, true],
    ]);
    selected(a).set('sample', 7);
    expect(all.map((each) => each.get('sample'))).toEqual([7, 2, 7]);
    selected(few).set('sample', 1);
    expect(all.map((each) => each.get('sample'))).toEqual([1, 1, 1]);
  });

  it('follows what Python and other pages say, who are not told again', () => {
    const [a, b] = [explorerOf(), explorerOf()];
    link(a, b, 'sample', 'norm');
    selected(a).set_state({ sample: 3, norm: [0, 2], auto: false });
    expect([selected(b).get('sample'), selected(b).norm]).toEqual([3, { vmin: 0, vmax: 2 }]);
    expect([saves(selected(a)), saves(selected(b))]).toEqual([0, 0]);
  });

  it('ends with the link, and with one of the two', () => {
    for (const end of [0, 1, 2]) {
      const [a, b] = [explorerOf(), explorerOf(selectionOf(8, 4, 5))];
      const made = link(a, b, 'sample', 'norm');
      expect(selected(a).limit).toBe(5);
      void [made, a, b][end].close();
      selected(a).set('sample', 3);
      expect(selected(b).get('sample')).toBe(0);
      expect(selected(a).limit).toBe(1);
    }
  });

  it('begins when both are there: a page may have one of them alone', () => {
    const [a, selection] = [explorerOf(), selectionOf()];
    const next = model(WidgetModel).model_id;
    const later = { model_id: String(Number(next) + 2) } as WidgetModel; // after the link
    link(a, later, 'sample');
    selected(a).set('sample', 3);
    const b = explorerOf(selection);
    expect(b.model_id).toBe(later.model_id);
    selected(a).set('sample', 4);
    expect(selected(b).get('sample')).toBe(4);
  });
});

describe('a linked norm', () => {
  it('is one automatic range, that of the largest, also by links of links', () => {
    const [a, b, c] = [1, 5, 2].map((limit) => explorerOf(selectionOf(8, 4, limit)));
    const limits = (): number[] => [a, b, c].map((each) => selected(each).limit);
    const first = link(a, b, 'norm');
    expect(limits()).toEqual([5, 5, 2]);
    expect([a, b].map((each) => saves(selected(each)))).toEqual([1, 0]);
    link(c, b, 'norm');
    expect(limits()).toEqual([5, 5, 5]);
    selected(b).set('auto_limit', 1); // another step, or another layer
    expect(limits()).toEqual([2, 2, 2]);
    expect([a, b, c].map((each) => selected(each).get('auto') as boolean)).toEqual([
      true,
      true,
      true,
    ]);
    selected(b).set_state({ auto_limit: 3, norm: [-3, 3], auto: true });
    expect(limits()).toEqual([3, 3, 3]);
    void first.close();
    expect(limits()).toEqual([1, 3, 3]);
  });

  it('goes by what is chosen, and back to automatic by the button of either', () => {
    const [a, b] = [explorerOf(), explorerOf(selectionOf(8, 4, 5))];
    link(a, b, 'norm');
    selected(a).set('limit_index', 40);
    expect(selected(b).norm).toEqual(selected(a).norm);
    expect(b.get('norm')).toEqual(selected(a).get('norm'));
    selected(b).set('auto', true);
    expect([a, b].map((each) => [each.get('norm'), selected(each).limit])).toEqual([
      ['auto', 5],
      ['auto', 5],
    ]);
  });

  it('is that of figures too', () => {
    const [a, b] = [explorerOf(), model(FeaturesModel, { selection: selectionOf(8, 4, 3) })];
    link(a, b, 'norm');
    expect(selected(a).limit).toBe(3);
    selected(a).set('norm', [0, 2]);
    expect(b.get('norm')).toEqual([0, 2]);
  });
});

describe('a linked step', () => {
  it('is the nearest one', () => {
    const [[a, at], [b, bt]] = [runOf(10, 20, 30), runOf(12, 24, 36)];
    link(a, b, 'step');
    at.showNearest(20);
    expect([at.shown?.step, bt.shown?.step, b.get('step')]).toEqual([20, 24, 20]);
    bt.scrub(0);
    expect([at.shown?.step, bt.shown?.step]).toEqual([10, 12]);
    expect([at.get('follow'), bt.get('follow')]).toEqual([false, false]);
    const told = [saves(at), saves(bt)];
    at.set_state({ step: 30 }); // Python has set it, and carries it over itself
    expect([bt.shown?.step, saves(at), saves(bt)]).toEqual([24, ...told]);
  });

  it('is the latest of each, once that is followed', () => {
    const [[a, at], [b, bt]] = [runOf(10, 20), runOf(10, 20, 30)];
    link(a, b, 'step');
    at.scrub(0);
    expect(bt.shown?.step).toBe(10);
    snapshot(at, 30, 2); // comes while the person looks at an earlier one
    expect([at.shown?.step, bt.shown?.step]).toEqual([10, 10]);
    bt.setFollow(true);
    expect([at.shown?.step, bt.shown?.step]).toEqual([30, 30]);
    snapshot(bt, 40, 3);
    expect([at.shown?.step, bt.shown?.step, at.follow]).toEqual([30, 40, true]);
  });

  it('is not that of another thing that is displayed, whose timeline is another', () => {
    const [[a, at], [b, bt]] = [runOf(10, 20), runOf(10, 20)];
    link(a, b, 'step');
    at.scrub(0);
    const other = timelineOf(selected(a), 10, 20);
    a.set('timeline', other);
    expect([other.shown?.step, bt.shown?.step]).toEqual([20, 10]);
    at.scrub(1); // which is not on the page
    expect(bt.shown?.step).toBe(10);
    bt.scrub(1);
    bt.scrub(0);
    expect(other.shown?.step).toBe(10);
  });

  it('is nothing to an explorer without a timeline', () => {
    const [a, at] = runOf(10, 20);
    const b = explorerOf();
    link(a, b, 'step');
    at.scrub(0);
    a.set('timeline', null);
    b.set('step', 20);
    expect(at.shown?.step).toBe(10);
  });
});

describe('the traits of an explorer', () => {
  it('follow from what is shown, whatever a message or a saved page says', () => {
    const selection = selectionOf();
    selection.set('sample', 2);
    const a = explorerOf(selection, { sample: 7, norm: [0, 9], step: 3 });
    expect([a.get('sample'), a.get('norm'), a.get('step')]).toEqual([2, 'auto', null]);
    a.set_state({ sample: 7, title: 'said' });
    expect([a.get('sample'), a.get('title'), selection.get('sample')]).toEqual([2, 'said', 2]);
    expect(a.serialize({ sample: 7, norm: 'auto', title: 'said' })).toEqual({ title: 'said' });
  });
});
