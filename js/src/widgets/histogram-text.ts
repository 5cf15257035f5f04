// Pure: the words of a histogram.

import type { Drawn, Line } from '../data/histogram';
import type { PlotArray } from '../data/slicing';
import { grouped, magnitudeOf, number, share } from '../drawing/format';
import { rowName } from './index-names';
import type { Segment, Subject, TensorWords } from './text';
import { isTimed, zoomed } from './text';

/** What a histogram is of. A selection is one. */
export interface HistogramSubject extends Pick<Subject, 'point' | 'isZoomed' | 'timeRange'> {
  readonly tensor: TensorWords & { readonly mask: Float32Array | null };
}

/** `Values per bin of |g|: all samples (grey), sample 3 × 16 (line)` */
export function histogramCaption(
  subject: HistogramSubject,
  plotArray: PlotArray,
  drawn: Drawn,
): Segment[] {
  const { tensor } = subject;
  const all = plotArray.samples > 1 ? 'all samples' : 'all values';
  const halves = tensor.directions.length === 2 ? ' of both halves' : '';
  const masked = tensor.mask?.includes(0) ? ', without masked timesteps' : '';
  const { line } = drawn;
  const factor = line === null ? '' : grouped(Number(line.factor.toPrecision(4)));
  const second = line === null ? '' : `, ${lineName(subject, plotArray, line)} × ${factor} (line)`;
  const axis = axisName(tensor, drawn);
  const words = `Values per bin of ${axis}: ${all}${halves} (grey)${second}${masked}`;
  return [{ text: words + zoomed(subject) }];
}

/** One bin; where none was pointed at yet, how many values there are. */
export function histogramHover(
  subject: HistogramSubject,
  plotArray: PlotArray,
  drawn: Drawn,
  bin: number | null,
): Segment[] {
  const { bins, tally, line, magnitude } = drawn;
  if (bins === null || bin === null) {
    return [{ text: `${grouped(tally.total)} value${tally.total === 1 ? '' : 's'}` }];
  }
  const [from, to] = [bins.edges[bin], bins.edges[bin + 1]].map((edge) => number(edge, !magnitude));
  const count = bins.counts[bin];
  const name = line === null ? '' : lineName(subject, plotArray, line);
  return [
    { text: `${axisName(subject.tensor, drawn)} ${from} … ${to} · ` },
    { text: grouped(count), weight: 'strong' },
    { text: count === 1 ? ' value' : ' values', weight: 'quiet' },
    { text: ` (${share(count, tally.total)})` },
    { text: line === null ? '' : ` · ${name}: ${grouped(line.counts[bin])}`, weight: 'quiet' },
  ];
}

function axisName({ symbol }: TensorWords, { magnitude }: Drawn): string {
  return magnitude ? magnitudeOf(symbol) : symbol;
}

/** `sample 3`, `channel 41 of sample 3`: what the line shows. */
function lineName({ tensor, point }: HistogramSubject, plotArray: PlotArray, { of }: Line): string {
  const { sample, channel } = point;
  if (of === 'sample') {
    return `sample ${sample}`;
  }
  const name = rowName(tensor, channel, plotArray.channels);
  // without a time axis a sample has one value of a channel: the line is of them all
  return plotArray.samples > 1 && isTimed(tensor) ? `${name} of sample ${sample}` : name;
}
