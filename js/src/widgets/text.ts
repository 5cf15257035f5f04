// The words that follow the selection: readouts beside the controls and captions of the panels.

import type { Drawn, Line } from '../data/histogram';
import type { Cube } from '../data/slicing';
import { normOverChannels, secondHalf, valueAt } from '../data/slicing';
import { grouped, number, range, share } from '../drawing/format';
import type { SelectionModel } from './selection';
import type { TensorModel } from './tensor';

/** A run of text; `strong` is set in weight 600, `quiet` in the secondary colour. */
export interface Segment {
  readonly text: string;
  readonly weight?: 'strong' | 'quiet';
}

/** What a readout can tell. */
export type Kind = keyof typeof WRITERS;

/** The gate of an index, and its place within the gate; the index itself where there are no gates. */
function gateOf(gates: string[], index: number, count: number): [string, number] {
  if (gates.length === 0) {
    return ['', index];
  }
  const size = Math.floor(count / gates.length);
  const gate = Math.min(Math.floor(index / size), gates.length - 1);
  return [gates[gate], index - gate * size];
}

/** A row in words: `channel 41`, `forward 88`, `gate i, channel 3`, `feature 2`. */
function rowName(selection: SelectionModel, row: number): string {
  const { tensor } = selection;
  const { sections } = tensor;
  const at = sections.length - 1 - [...sections].reverse().findIndex(({ start }) => start <= row);
  const [start, stop] = tensor.rowRange(sections.length > 0 ? at : null);
  const [gate, place] = gateOf(tensor.gatesAlong('rows'), row - start, stop - start);
  const within = sections[at];
  const name =
    within === undefined ? tensor.rows : [within.name, within.rows].filter(Boolean).join(', ');
  return gate === '' ? `${name} ${place}` : `gate ${gate}, ${name} ${place}`;
}

/** The same beside the slider, where there is little room: `41`, `fwd 88`, `i 3`. */
function shortRowName(selection: SelectionModel, row: number): string {
  return rowName(selection, row)
    .replace(/^gate (\S+), /, '$1 ')
    .replace('forward', 'fwd')
    .replace('backward', 'bwd')
    .replace(`${selection.tensor.rows} `, '');
}

/** A column in words: `timestep 72`, `processing step 72`, `gate f, channel 12`. */
function columnName(selection: SelectionModel, cube: Cube, column: number): string {
  const { tensor, reflect } = selection;
  const [gate, place] = gateOf(tensor.gatesAlong('columns'), column, cube.timesteps);
  const name = reflect ? 'processing step' : tensor.columns;
  return gate === '' ? `${name} ${place}` : `gate ${gate}, ${name} ${place}`;
}

/** `, sample 3` where there is a time axis; a weight belongs to no sample. */
function ofSample(selection: SelectionModel): string {
  return selection.tensor.columns === 'timestep' ? `, sample ${selection.point.sample}` : '';
}

/** The chosen row: `forward 88` is the channel 88 of the forward half. */
function ofRow(selection: SelectionModel): string {
  const name = rowName(selection, selection.point.channel);
  return name.replace(/(forward|backward) (\d+)$/, 'channel $2, $1');
}

/** `Flow of the direct output gradient`, where there are two. */
function flow(tensor: TensorModel): string {
  return `Flow of the ${tensor.get('name') as string}`;
}

function noun(selection: SelectionModel): string {
  const { tensor } = selection;
  return `${tensor.get('noun') as string}${tensor.get('compared') as string}`;
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
  const place = columnName(selection, cube, timestep);
  const among = selection.hoveredSample === null ? '' : `sample ${sample} · `;
  return [
    { text: `${among}${place} · ${rowName(selection, channel)} · ` },
    { text: `${symbol(selection)} ` },
    { text: number(value, true), weight: 'strong' },
    {
      text: selection.tensor.columns === 'timestep' ? ` · norm ${number(norm)}` : '',
      weight: 'quiet',
    },
  ];
}

function heatCaption(selection: SelectionModel, half: 'whole' | 'upper'): Segment[] {
  const flipped = selection.reflect ? ' — flipped: step 0 is the last timestep' : '';
  if (half === 'upper') {
    const text = `Backward half, ${lower(noun(selection))} by channel${ofSample(selection)}${flipped}${zoomed(selection)}`;
    return [{ text }];
  }
  const second = selection.reflect ? ' — second half flipped along time' : '';
  const rows = selection.tensor.rows || selection.tensor.columns;
  return [
    { text: `${noun(selection)} by ${rows}${ofSample(selection)}${second}${zoomed(selection)}` },
  ];
}

/** ` — timesteps 20–60 (double-click: all)` where a part of the time axis is shown. */
function zoomed(selection: SelectionModel): string {
  if (selection.get('time_range') === null) {
    return '';
  }
  return ` — ${selection.tensor.columns}s ${selection.timeRange.join('–')} (double-click: all)`;
}

const WRITERS = {
  sample: (s: SelectionModel): Segment[] => [{ text: String(s.point.sample) }],
  channel: (s: SelectionModel): Segment[] => [{ text: shortRowName(s, s.point.channel) }],
  norm: (s: SelectionModel): Segment[] => [{ text: range(s.norm.vmin, s.norm.vmax) }],
  hover,
  'heat-caption': (s: SelectionModel): Segment[] => heatCaption(s, 'whole'),
  'upper-caption': (s: SelectionModel): Segment[] => heatCaption(s, 'upper'),
  'lower-caption': (): Segment[] => [{ text: 'Forward half' }],
  'flow-caption': (s: SelectionModel): Segment[] => [
    { text: `${s.tensor.get('flow') as string}: norm over channels, log scale` },
  ],
  'curve-caption': (s: SelectionModel): Segment[] => {
    return [{ text: `${noun(s)} of ${ofRow(s)}${zoomed(s)}` }];
  },
  'scatter-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)} of every channel, by sample` },
  ],
  'bars-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)} of sample ${s.point.sample}, by channel` },
  ],
  'maps-caption': (s: SelectionModel): Segment[] => [
    {
      text: `${noun(s)} by ${s.tensor.rows}${s.cube?.samples === 1 ? '' : ', every sample'}${zoomed(s)}`,
    },
  ],
  'channel-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)} of ${ofRow(s)}, by sample${zoomed(s)}` },
  ],
  'grid-caption': (s: SelectionModel): Segment[] => [
    { text: `${noun(s)}${s.cube?.samples === 1 ? '' : ', a colour for each sample'}${zoomed(s)}` },
  ],
  'companion-caption': (s: SelectionModel): Segment[] => [
    { text: `${flow(s.companion)}: norm over channels, log scale` },
  ],
  'flow-view-caption': (s: SelectionModel): Segment[] => {
    const name = s.companion.cube === null ? (s.tensor.get('flow') as string) : flow(s.tensor);
    return [{ text: `${name}: norm over channels, log scale${zoomed(s)}` }];
  },
  'gates-caption': (s: SelectionModel): Segment[] => {
    const each = s.tensor.gatesAlong('columns').length > 0 ? ' in each gate, all on one range' : '';
    return [{ text: `Values per bin of ${symbol(s)}${each}` }];
  },
  'section-caption': (s: SelectionModel, _cube: Cube, section: number | null): Segment[] => {
    const { name, rows } = s.tensor.sections[section ?? 0] ?? { name: '', rows: '' };
    return [{ text: `${noun(s)} of ${name}${rows === '' ? '' : ` by ${rows}`}${zoomed(s)}` }];
  },
  'bars-hover': (s: SelectionModel, cube: Cube): Segment[] => {
    const { sample, channel } = s.point;
    return [
      { text: `sample ${sample} · ${rowName(s, channel)} · ${symbol(s)} ` },
      { text: number(valueAt(cube, sample, 0, channel), true), weight: 'strong' },
    ];
  },
};

/** `sample 3 × 16`: what a histogram's line shows, and what it is multiplied by. */
function lineName(selection: SelectionModel, cube: Cube, { of }: Line): string {
  const { sample, channel } = selection.point;
  if (of === 'sample') {
    return `sample ${sample}`;
  }
  const name = rowName(selection, channel);
  // without a time axis a sample has one value of a channel: the line is of them all
  return cube.samples > 1 && selection.tensor.columns === 'timestep'
    ? `${name} of sample ${sample}`
    : name;
}

/** The caption of a histogram. */
export function histogramCaption(selection: SelectionModel, drawn: Drawn): Segment[] {
  const { cube, tensor } = selection;
  if (cube === null) {
    return [];
  }
  const axis = drawn.magnitude ? `|${symbol(selection)}|` : symbol(selection);
  const all = cube.samples > 1 ? 'all samples' : 'all values';
  const halves = tensor.directions.length === 2 ? ' of both halves' : '';
  const masked = tensor.mask?.includes(0) ? ', without masked timesteps' : '';
  const { line } = drawn;
  const factor = line === null ? '' : grouped(Number(line.factor.toPrecision(4)));
  const second = line === null ? '' : `, ${lineName(selection, cube, line)} × ${factor} (line)`;
  return [{ text: `Values per bin of ${axis}: ${all}${halves} (grey)${second}${masked}` }];
}

/** One bin of a histogram; before one was pointed at, how many values there are. */
export function histogramHover(
  selection: SelectionModel,
  { bins, tally, line, magnitude }: Drawn,
  bin: number | null,
): Segment[] {
  const { cube } = selection;
  if (cube === null || bins === null || bin === null) {
    return [{ text: `${grouped(tally.total)} value${tally.total === 1 ? '' : 's'}` }];
  }
  const [from, to] = [bins.edges[bin], bins.edges[bin + 1]].map((edge) => number(edge, !magnitude));
  const axis = magnitude ? `|${symbol(selection)}|` : symbol(selection);
  const count = bins.counts[bin];
  const part =
    line === null ? '' : ` · ${lineName(selection, cube, line)}: ${grouped(line.counts[bin])}`;
  return [
    { text: `${axis} ${from} … ${to} · ` },
    { text: grouped(count), weight: 'strong' },
    { text: count === 1 ? ' value' : ' values', weight: 'quiet' },
    { text: ` (${share(count, tally.total)})` },
    { text: part, weight: 'quiet' },
  ];
}

/** The text of one kind for the selection of now. */
export function write(kind: Kind, selection: SelectionModel, section: number | null): Segment[] {
  const { cube } = selection;
  return cube === null ? [] : WRITERS[kind](selection, cube, section);
}
