// The selection as sliders, marks and Python see it: by its attributes and its event `redraw`.
import { WidgetModel } from '@jupyter-widgets/base';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { limitAt } from '../drawing/norms';
import { model } from '../testing/model';
import { SelectionModel } from './selection';
import { TensorModel } from './tensor';

vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'));

/** What waits for the next frame. */
let frame: (() => void)[] = [];

beforeEach(() => {
  frame = [];
  vi.stubGlobal('requestAnimationFrame', (work: () => void) => frame.push(work));
});

function nextFrame(): void {
  frame.splice(0).forEach((work) => work());
}

/** A tensor of 4 samples, 10 timesteps and 6 channels, all zero. */
function zeros(shape: readonly number[] = [4, 10, 6]): object {
  return { shape, values: new Float32Array(shape.reduce((product, n) => product * n)) };
}

interface Made {
  readonly selection: SelectionModel;
  readonly colours: WidgetModel;
  readonly time: WidgetModel;
  /** How often `redraw` was triggered. */
  redraws(): number;
}

function make(attributes: object = {}): Made {
  const colours = model(WidgetModel);
  const time = model(WidgetModel);
  const selection = model(SelectionModel, {
    tensor: model(TensorModel, { array: zeros() }),
    companion: model(TensorModel),
    colour_scale: colours,
    time_scale: time,
    norm: [-0.1, 0.1],
    auto_limit: 0.1,
    ...attributes,
  });
  let count = 0;
  selection.on('redraw', () => {
    count++;
  });
  return { selection, colours, time, redraws: () => count };
}

describe('a message', () => {
  it.each([
    ['of another page, whose range is automatic', { norm: [-9, 9], auto_limit: 9 }, 9, true],
    ['that comes late', { norm: [-9, 9] }, 1, true],
    ['with a range that was chosen', { norm: [-9, 9], auto: false }, 9, false],
  ])('%s', (_, state, limit, auto) => {
    const { selection } = make();
    selection.set({ auto: true, auto_limit: 1 });
    selection.set_state(state);
    expect([selection.limit, selection.get('auto')]).toEqual([limit, auto]);
  });

  it('to Python says nothing of sliders', () => {
    const { selection } = make();
    const said = selection.serialize({ norm: [0, 1], limit_index: 3, range_indices: [0, 2] });
    expect(said).toEqual({ norm: [0, 1] });
  });
});

describe('what is sent to Python', () => {
  it('is followed by the next message after 100 ms, however soon the kernel is idle', () => {
    vi.useFakeTimers();
    const { selection } = make();
    const statuses = () => (selection as { statuses?: number }).statuses ?? 0;
    selection.send_sync_message({ sample: 1 });
    vi.advanceTimersByTime(30);
    selection._handle_status({} as never);
    vi.advanceTimersByTime(69);
    expect(statuses()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(statuses()).toBe(1);
    vi.advanceTimersByTime(500);
    selection._handle_status({} as never);
    expect(statuses()).toBe(2);
    vi.useRealTimers();
  });
});

describe('the norm', () => {
  it('has its sliders where it is from the start', () => {
    const { selection } = make();
    expect(limitAt(selection.get('limit_index') as number, 0)).toBe(0.1);
    expect(selection.get('range_indices')).toEqual([-20, 20]);
  });

  it('follows a slider, and the other slider follows it', () => {
    const { selection, colours } = make();
    selection.set('limit_index', 80);
    expect(selection.norm).toEqual({ vmin: -1, vmax: 1 });
    expect(selection.get('range_indices')).toEqual([-200, 200]);
    expect(selection.get('auto')).toBe(false);
    expect(colours.attributes).toEqual({ min: -1, mid: 0, max: 1 });
  });

  it('is that of the tensor when Python asks for the automatic one of another', () => {
    const { selection } = make({ norm: [-0.5, 0.5], auto: false });
    selection.set({ norm: [-0.7, 0.7], auto: true });
    expect(selection.norm).toEqual({ vmin: -0.1, vmax: 0.1 });
    expect(selection.get('auto')).toBe(true);
  });

  it('is drawn once it is whole, and once', () => {
    const { selection, redraws } = make();
    const seen: unknown[] = [];
    selection.on('redraw', () => seen.push([selection.limit, selection.get('range_indices')]));
    selection.set('limit_index', 80);
    expect(seen).toEqual([[1, [-200, 200]]]);
    nextFrame();
    expect(redraws()).toBe(1);
  });

  it('of logarithms spans eight decades', () => {
    const { selection, colours } = make();
    selection.set('log_colours', true);
    expect(colours.attributes).toEqual({ min: -8, mid: null, max: 0 });
  });
});

describe('redraw', () => {
  it('comes at once, and once more at the next frame for all that follows', () => {
    const { selection, redraws } = make();
    selection.set('sample', 1);
    expect(redraws()).toBe(1);
    selection.set('sample', 2);
    selection.set('channel', 3);
    expect(redraws()).toBe(1);
    nextFrame();
    expect(redraws()).toBe(2);
    nextFrame();
    nextFrame();
    expect(redraws()).toBe(2);
  });

  it('comes after changes that belong together', () => {
    const { selection, redraws } = make();
    selection.together(() => {
      selection.set('sample', 1);
      selection.together(() => selection.set('channel', 2));
      expect(redraws()).toBe(0);
    });
    expect(redraws()).toBe(1);
  });
});

describe('what is selected', () => {
  it('is in the range of the tensor', () => {
    const { selection } = make({ sample: 99, channel: -3 });
    expect(selection.point).toEqual({ sample: 3, timestep: 9, channel: 0 });
    selection.choose({ sample: 2, timestep: 50 });
    expect(selection.point).toEqual({ sample: 2, timestep: 9, channel: 0 });
  });

  it('gives way to what is under the pointer in the readout', () => {
    const { selection } = make();
    selection.hover(4, { channel: 5 });
    expect(selection.readoutPoint).toEqual({ sample: 0, timestep: 4, channel: 5 });
    selection.hover(null, null);
    expect(selection.readoutPoint).toEqual({ sample: 0, timestep: 4, channel: 0 });
  });

  it('has one order of time in two attributes', () => {
    const { selection } = make();
    selection.set('order_index', 1);
    expect(selection.reflect).toBe(true);
    selection.set('reflect_half', false);
    expect(selection.get('order_index')).toBe(0);
  });
});

describe('the range of timesteps', () => {
  it.each([
    [
      [2, 5],
      [2, 5],
    ],
    [
      [5.4, 2.4],
      [2, 5],
    ],
    [
      [7, 7],
      [7, 8],
    ],
    [
      [9, 12],
      [8, 9],
    ],
    [
      [-3, 4],
      [0, 4],
    ],
    [[-1, 20], null],
    [null, null],
  ] as const)('of %j is %j', (range, shown) => {
    const { selection, time } = make();
    selection.zoom(range);
    expect(selection.get('time_range')).toEqual(shown);
    const [first, last] = shown ?? [0, 9];
    expect(time.attributes).toEqual({ min: first - 0.5, max: last + 0.5 });
    expect(selection.isZoomed).toBe(shown !== null);
  });

  it('moves along with the chosen timestep', () => {
    const { selection } = make({ time_range: [2, 4] });
    selection.choose({ timestep: 7 });
    expect(selection.timeRange).toEqual([5, 7]);
  });

  it('ends with the axis that it belonged to', () => {
    const { selection } = make();
    selection.tensor.set('array', zeros([4, 10, 3]));
    selection.zoom([2, 4]);
    selection.tensor.set('array', zeros([4, 10, 2]));
    expect(selection.timeRange).toEqual([2, 4]);
    selection.tensor.set('array', zeros([4, 20, 2]));
    expect(selection.timeRange).toEqual([0, 19]);
  });
});
