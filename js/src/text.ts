// The words that follow the selection: readouts beside the controls and captions of the panels.

import { number, range } from './format';
import type { SelectionModel } from './selection';
import { normOverChannels, secondHalf, valueAt } from './slicing';
import type { Cube } from './slicing';

/** A run of text; `strong` is set in weight 600, `quiet` in the secondary colour. */
export interface Segment {
  readonly text: string;
  readonly weight?: 'strong' | 'quiet';
}

/** What a readout can tell. */
export type Kind = keyof typeof WRITERS;

/** The channel in words: its number, or that within its half. */
function channelName(selection: SelectionModel, cube: Cube, channel: number, short: boolean): string {
  const directions = selection.tensor.directions;
  if (directions.length !== 2) {
    return short ? `${channel}` : `channel ${channel}`;
  }
  const half = channel < secondHalf(cube) ? 0 : 1;
  const within = channel - half * secondHalf(cube);
  return `${short ? ['fwd', 'bwd'][half] : directions[half]} ${within}`;
}

function noun(selection: SelectionModel): string {
  return selection.tensor.get('noun') as string;
}

function symbol(selection: SelectionModel): string {
  return selection.tensor.get('symbol') as string;
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function hover(selection: SelectionModel, cube: Cube): Segment[] {
  const { sample, timestep, channel } = selection.readoutPoint;
  const { reflect } = selection;
  const value = valueAt(cube, sample, timestep, channel, reflect);
  const halves = selection.tensor.directions.length === 2;
  const middle = secondHalf(cube);
  const [start, stop] = !halves
    ? [0, cube.channels]
    : channel < middle
      ? [0, middle]
      : [middle, cube.channels];
  const norm = normOverChannels(cube, sample, timestep, reflect, start, stop);
  const place = reflect ? 'processing step' : 'timestep';
  return [
    { text: `${place} ${timestep} · ${channelName(selection, cube, channel, false)} · ` },
    { text: `${symbol(selection)} ` },
    { text: number(value, true), weight: 'strong' },
    { text: ` · norm ${number(norm)}`, weight: 'quiet' },
  ];
}

function heatCaption(selection: SelectionModel, half: 'whole' | 'upper'): Segment[] {
  const { sample } = selection.point;
  const flipped = selection.reflect ? ' — flipped: step 0 is the last timestep' : '';
  if (half === 'upper') {
    const text = `Backward half, ${lower(noun(selection))} by channel, sample ${sample}${flipped}`;
    return [{ text }];
  }
  const second = selection.reflect ? ' — second half of the channels flipped along time' : '';
  return [{ text: `${noun(selection)} by channel, sample ${sample}${second}` }];
}

const WRITERS = {
  sample: (s: SelectionModel): Segment[] => [{ text: String(s.point.sample) }],
  channel: (s: SelectionModel, cube: Cube): Segment[] => [
    { text: channelName(s, cube, s.point.channel, true) },
  ],
  norm: (s: SelectionModel): Segment[] => [{ text: range(s.norm.vmin, s.norm.vmax) }],
  hover,
  'heat-caption': (s: SelectionModel): Segment[] => heatCaption(s, 'whole'),
  'upper-caption': (s: SelectionModel): Segment[] => heatCaption(s, 'upper'),
  'lower-caption': (): Segment[] => [{ text: 'Forward half' }],
  'curve-caption': (s: SelectionModel, cube: Cube): Segment[] => {
    const name = channelName(s, cube, s.point.channel, false);
    const [direction, within] = name.split(' ');
    const text = direction === 'channel' ? name : `channel ${within}, ${direction}`;
    return [{ text: `${noun(s)} of ${text}` }];
  },
  'scatter-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)} of every channel, by sample` },
  ],
  'bars-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)} of sample ${s.point.sample}, by channel` },
  ],
  'bars-hover': (s: SelectionModel, cube: Cube): Segment[] => {
    const { sample, channel } = s.point;
    return [
      { text: `sample ${sample} · ${channelName(s, cube, channel, false)} · ${symbol(s)} ` },
      { text: number(valueAt(cube, sample, 0, channel), true), weight: 'strong' },
    ];
  },
};

/** The text of one kind for the selection of now. */
export function write(kind: Kind, selection: SelectionModel): Segment[] {
  const { cube } = selection;
  return cube === null ? [] : WRITERS[kind](selection, cube);
}
