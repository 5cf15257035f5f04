// Pure: the words that follow the selection, in readouts beside the controls and captions of
// panels.

import type { ComparedSteps } from '../data/difference';
import { alone, lagProfile, reachOf } from '../data/lags';
import { hasMasked } from '../data/masked';
import type { PlotArray, Point } from '../data/slicing';
import { isMasked, normOverChannels, secondHalf, valueAt } from '../data/slicing';
import type { Told } from '../data/told';
import type { Norm } from '../drawing/colours';
import { grouped, normOf, number, range } from '../drawing/format';
import type { Axes } from './index-names';
import { columnName, rowInCaption, rowName, shortRowName } from './index-names';

/** A run of text; `strong` is set in weight 600, `quiet` in the secondary colour. */
export interface Segment {
  readonly text: string;
  readonly weight?: 'strong' | 'quiet';
}

/** What the words are about, of a tensor. */
export interface TensorWords extends Axes {
  readonly noun: string;
  /** Which training steps are compared; null where none are. */
  readonly comparedSteps: ComparedSteps | null;
  readonly symbol: string;
  /** What its norms over channels are called. */
  readonly flow: string;
  /** What it is, where there are two: `direct output gradient`. */
  readonly fullName: string;
  readonly directions: readonly string[];
  /** What Python tells of it; null of a difference of two steps. */
  readonly told: Told | null;
}

export interface Companion
  extends Pick<TensorWords, 'fullName' | 'symbol' | 'directions' | 'rowLabels' | 'columns'> {
  readonly plotArray: PlotArray | null;
}

/** What the words are about: a tensor, and what of it is shown. A selection is one. */
export interface Subject {
  readonly tensor: TensorWords;
  /** Another gradient of the same layer; without an array where it is not shown. */
  readonly companion: Companion;
  readonly point: Point;
  readonly readoutPoint: Point;
  /** The sample under the pointer where there are many. */
  readonly hoveredSample: number | null;
  readonly norm: Norm;
  readonly reflect: boolean;
  readonly isZoomed: boolean;
  readonly timeRange: readonly [number, number];
}

/** What a readout can say. */
export type Kind = keyof typeof WRITERS;

/**
 * The text of one kind. `section` is the number of the rows that a caption is of, if it is of some.
 */
export function write(
  kind: Kind,
  subject: Subject,
  plotArray: PlotArray,
  section: number | null = null,
): Segment[] {
  const words = WRITERS[kind](subject, plotArray, section);
  return typeof words === 'string' ? [{ text: words }] : words;
}

type Writer = (
  subject: Subject,
  plotArray: PlotArray,
  section: number | null,
) => string | Segment[];

const WRITERS = {
  sample: ({ point }) => String(point.sample),
  channel: ({ tensor, point }, plotArray) =>
    shortRowName(tensor, point.channel, plotArray.channels),
  norm: ({ norm }) => range(norm.vmin, norm.vmax),
  hover,
  finding,
  'flow-hover': (s, plotArray) => flowHover(s, s.tensor, plotArray),
  'companion-hover': (s) =>
    s.companion.plotArray === null ? [] : flowHover(s, s.companion, s.companion.plotArray),
  'bars-hover': barsHover,
  'heat-caption': (s, plotArray) => {
    const flipped = s.reflect ? ' — second half flipped along time' : '';
    const rows = s.tensor.rows || s.tensor.columns;
    return `${noun(s)} by ${rows}${ofSample(s)}${flipped}${zoomed(s)}${hatched(plotArray, s)}`;
  },
  'upper-caption': (s, plotArray) => {
    const flipped = s.reflect ? ' — flipped: step 0 is the last timestep' : '';
    const half = `Backward half, ${lower(noun(s))} by channel${ofSample(s)}${flipped}`;
    return `${half}${zoomed(s)}${hatched(plotArray, s)}`;
  },
  'lower-caption': () => 'Forward half',
  'flow-caption': ({ tensor }) => flowCaption(tensor, tensor.flow),
  'curve-caption': (s, plotArray) => `${noun(s)} of ${chosenRow(s, plotArray)}${zoomed(s)}`,
  'scatter-caption': (s) => `${noun(s)} of every channel, by sample`,
  'bars-caption': (s) => `${noun(s)} of sample ${s.point.sample}, by channel`,
  'maps-caption': (s, plotArray) => {
    const all = plotArray.samples === 1 ? '' : ', every sample';
    return `${noun(s)} by ${s.tensor.rows}${all}${zoomed(s)}${hatched(plotArray)}`;
  },
  'run-maps-caption': (s, plotArray) =>
    `${noun(s)} by ${s.tensor.rows}${ofSample(s)}${zoomed(s)}${hatched(plotArray)}`,
  'channel-caption': (s, plotArray) =>
    `${noun(s)} of ${chosenRow(s, plotArray)}, by sample${zoomed(s)}${hatched(plotArray)}`,
  'grid-caption': (s, { samples }) =>
    `${noun(s)}${samples === 1 ? '' : ', a colour for each sample'}${zoomed(s)}`,
  'companion-caption': ({ companion }) =>
    isTruncation(companion)
      ? "Truncated BPTT: relative error of the kernel's gradient, carried back k timesteps; log scale"
      : `${flowOf(companion)}: ${normWords(companion)}`,
  'flow-view-caption': (s) => {
    const name = s.companion.plotArray === null ? s.tensor.flow : flowOf(s.tensor);
    return `${flowCaption(s.tensor, name)}${zoomed(s)}`;
  },
  'gates-caption': ({ tensor }) => {
    const several = tensor.gatesAlong('columns').length > 0;
    return `Values per bin of ${tensor.symbol}${several ? ' in each gate, all on one range' : ''}`;
  },
  'section-caption': (s, _plotArray, section) => {
    const { name, rows } = s.tensor.sections[section ?? 0] ?? { name: '', rows: '' };
    return `${noun(s)} of ${name}${rows === '' ? '' : ` by ${rows}`}${zoomed(s)}`;
  },
} satisfies Record<string, Writer>;

/** The kinds that there are; Python knows them by the same names. */
export const KINDS = Object.keys(WRITERS);

export const NOT_OF_DIFFERENCES =
  'Findings are of one step: nothing is told of the difference of two';

/** What is told of the chosen sample, and of the batch. */
function finding({ tensor, point }: Subject): Segment[] {
  const { told } = tensor;
  if (told === null) {
    return [{ text: NOT_OF_DIFFERENCES, weight: 'quiet' }];
  }
  const sample = told.samples[point.sample] as string | undefined;
  if (sample === undefined) {
    return [];
  }
  return [
    { text: `Sample ${point.sample}: ${sample}`, weight: 'strong' },
    ...(told.batch === '' ? [] : [{ text: ` · ${told.batch}` }]),
  ];
}

/** `, step 20`, `, step 20 minus step 5`: which training steps are compared, behind a noun. */
function comparison([step, base]: ComparedSteps): string {
  return `, step ${grouped(step)}${base === null ? '' : ` minus step ${grouped(base)}`}`;
}

/** How far a run is: Python's words, and the training step that they are of, if they are of one. */
export interface RunStatus {
  readonly text: string;
  readonly step: number | null;
}

/** `latest: step 40 · loss 0.3`: words of the latest step, where another one is shown. */
export function statusLine({ text, step }: RunStatus, isLatestShown: boolean): string {
  return step === null || isLatestShown ? text : `latest: ${text}`;
}

/** `timestep 72 · channel 41 · g +3.1e-2 · norm 8.0e-2`: the value that is pointed at. */
function hover(subject: Subject, plotArray: PlotArray): Segment[] {
  const { tensor, reflect, hoveredSample } = subject;
  const { sample, timestep, channel } = subject.readoutPoint;
  const value = valueAt(plotArray, sample, timestep, channel, reflect);
  const [start, stop] =
    tensor.directions.length === 2 ? halfOf(channel, plotArray) : [0, plotArray.channels];
  const norm = normOverChannels(plotArray, sample, timestep, reflect, start, stop);
  const among = hoveredSample === null ? '' : `sample ${sample} · `;
  const column = columnName(tensor, timestep, plotArray.timesteps, reflect);
  const hasNorm = isTimed(tensor) && tensor.rowLabels.length === 0; // a reach is of norms
  const place = `${among}${column} · ${rowName(tensor, channel, plotArray.channels)} · `;
  if (isMasked(plotArray, sample, timestep, channel, reflect)) {
    return [{ text: place }, { text: 'masked', weight: 'strong' }];
  }
  return [
    { text: place },
    { text: `${tensor.symbol} ` },
    { text: number(value, true), weight: 'strong' },
    { text: hasNorm ? ` · ${normSign(tensor)} ${number(norm)}` : '', weight: 'quiet' },
  ];
}

/** `sample 3 · timestep 72 · ‖g‖ 8.0e-2`: the norm that a flow's line has, of each direction. */
function flowHover(
  { readoutPoint, reflect, tensor }: Subject,
  of: Pick<TensorWords, 'symbol' | 'directions' | 'rowLabels' | 'columns'>,
  plotArray: PlotArray,
): Segment[] {
  const { sample, timestep } = readoutPoint;
  if (isTruncation(of)) {
    return [
      { text: `truncated at k = ${timestep} · error ` },
      { text: timestep === 0 ? '–' : number(valueAt(plotArray, 0, timestep, 0)), weight: 'strong' },
    ];
  }
  const reach = reachOf(of);
  if (reach !== null) {
    const { values } = lagProfile(alone(plotArray, sample), reach);
    return [
      { text: `sample ${sample} · ${timestep} steps back · R relative ` },
      { text: number(values[timestep]), weight: 'strong' },
    ];
  }
  const middle = secondHalf(plotArray);
  const ends: [string, number, number][] =
    of.directions.length === 2
      ? [
          [`${of.directions[0]} `, 0, middle],
          [`, ${of.directions[1]} `, middle, plotArray.channels],
        ]
      : [['', 0, plotArray.channels]];
  const column = columnName(tensor, timestep, plotArray.timesteps, reflect);
  const place = { text: `sample ${sample} · ${column} · ` };
  if (isMasked(plotArray, sample, timestep, 0, reflect)) {
    return [place, { text: 'masked', weight: 'strong' }];
  }
  return [
    place,
    { text: `${normSign(of)} ` },
    ...ends.flatMap(([name, start, stop]): Segment[] => [
      { text: name },
      {
        text: number(normOverChannels(plotArray, sample, timestep, reflect, start, stop)),
        weight: 'strong',
      },
    ]),
  ];
}

/** `‖g‖`: the Euclidean norm over channels. */
function normSign({ symbol }: Pick<TensorWords, 'symbol'>): string {
  return normOf(symbol);
}

function normWords(of: Pick<TensorWords, 'symbol'>): string {
  return `${normSign(of)} over channels, log scale`;
}

/** `sample 3 · channel 41 · g +3.1e-2`: the value of the chosen bar. */
function barsHover({ tensor, point }: Subject, plotArray: PlotArray): Segment[] {
  const { sample, channel } = point;
  const row = rowName(tensor, channel, plotArray.channels);
  return [
    { text: `sample ${sample} · ${row} · ${tensor.symbol} ` },
    { text: number(valueAt(plotArray, sample, 0, channel), true), weight: 'strong' },
  ];
}

function halfOf(channel: number, plotArray: PlotArray): [start: number, stop: number] {
  const middle = secondHalf(plotArray);
  return channel < middle ? [0, middle] : [middle, plotArray.channels];
}

function noun({ tensor }: Subject): string {
  const { noun, comparedSteps } = tensor;
  return comparedSteps === null ? noun : `${noun}${comparison(comparedSteps)}`;
}

/** `channel 88, forward` */
function chosenRow({ tensor, point }: Subject, plotArray: PlotArray): string {
  return rowInCaption(tensor, point.channel, plotArray.channels);
}

/** `, sample 3` where there is a time axis; a weight belongs to no sample. */
function ofSample({ tensor, point }: Subject): string {
  return isTimed(tensor) ? `, sample ${point.sample}` : '';
}

/** ` — timesteps 20–60 (double-click: all)` where a part of the time axis is shown. */
export function zoomed({
  tensor,
  isZoomed,
  timeRange,
}: Pick<Subject, 'tensor' | 'isZoomed' | 'timeRange'>): string {
  return isZoomed ? ` — ${tensor.columns}s ${timeRange.join('–')} (double-click: all)` : '';
}

/** ` — hatched: masked` where something is, of the chosen sample or of all. */
function hatched(plotArray: PlotArray, chosen?: Subject): string {
  return hasMasked(plotArray, chosen?.point.sample ?? null) ? ' — hatched: masked' : '';
}

/** `Flow of the direct output gradient`, where there are two. */
/** Of a reach the flow is by lag: what a timestep of the loss contributes so many steps back. */
function flowCaption(tensor: TensorWords, name: string): string {
  return tensor.rowLabels.length === 0
    ? `${name}: ${normWords(tensor)}`
    : 'Lag profile: R, k steps back, relative to that of its own timestep; k from the left, log scale';
}

function flowOf({ fullName }: Pick<TensorWords, 'fullName'>): string {
  return `Flow of the ${fullName}`;
}

/** Whether it is one number of the batch for each lag. */
export function isTruncation({ columns }: Pick<Axes, 'columns'>): boolean {
  return columns === 'k';
}

export function isTimed({ columns }: Pick<Axes, 'columns'>): boolean {
  return columns === 'timestep';
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
