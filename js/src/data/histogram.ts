// Pure counting for a histogram: the whole tensor, drawn in bars, and a part of it, drawn as a
// line.
//
// The first axis is log10 of magnitudes, a bin an octave, for gradients and for plain arrays, which
// may be gradients; what is known to be values is shown signed. Octaves are read from the bits:
// they are exact, and 16 million values take 50 to 110 ms.

import type { Bins, Block, Octaves, Tally } from './distribution';
import {
  countBelow,
  equalBins,
  equalEdges,
  finiteRange,
  octaveBins,
  octaves,
  shownOctaves,
  wholeBlock,
} from './distribution';
import type { PlotArray, Span } from './slicing';

/** Bins of the linear axis. */
const BINS = 60;

/** What the line shows, in the order of its buttons. */
export const LINES = ['sample', 'channel'] as const;

/** The chosen part, counted in the bins of the whole. */
export interface Line {
  readonly of: (typeof LINES)[number];
  readonly counts: Uint32Array;
  /** Multiplies the counts of the part, so that they compare with those of the whole. */
  readonly factor: number;
}

/** What is drawn: the whole tensor in bars, a part of it as a line. */
export interface Drawn {
  /**
   * The octaves on an axis of magnitudes; null on one of signed values, and where there are none.
   */
  readonly shown: Span | null;
  readonly magnitude: boolean;
  readonly tally: Tally;
  /** Values that are not zero but too small for the axis. */
  readonly below: number;
  /** Null where there is no finite value but zero. */
  readonly bins: Bins | null;
  readonly line: Line | null;
}

export function countAll(
  array: PlotArray,
  mask: Float32Array | null,
  tally: Octaves,
  signed: boolean,
): Drawn {
  const shown = shownOctaves(tally);
  const drawn = { magnitude: !signed, shown: null, tally, below: 0, bins: null, line: null };
  if (shown === null) {
    return drawn;
  }
  if (!signed) {
    return { ...drawn, shown, below: countBelow(tally, shown), bins: octaveBins(tally, shown) };
  }
  const range = finiteRange(array, wholeBlock(array), mask, tally) as [number, number];
  return {
    ...drawn,
    bins: equalBins(array, wholeBlock(array), mask, equalEdges(range, BINS)),
  };
}

/**
 * The part that the line shows: a sample, or a channel of a sample. Without a time axis a sample
 * has only one value of a channel, so the part is that channel in every sample.
 */
export function chosenBlock(
  array: PlotArray,
  of: Line['of'],
  sample: number,
  channel: number,
  timed: boolean,
): Block {
  const all = wholeBlock(array);
  const one = [sample, sample + 1] as const;
  return of === 'sample'
    ? { ...all, samples: one }
    : { ...all, samples: timed ? one : all.samples, channels: [channel, channel + 1] };
}

/** Count a part in the bins of the whole; null where it has no values, or is the whole itself. */
export function countLine(
  array: PlotArray,
  mask: Float32Array | null,
  { bins, shown, tally }: Drawn,
  block: Block,
  of: Line['of'],
): Line | null {
  const part = octaves(array, block, mask);
  if (bins === null || part.total === 0 || part.total === tally.total) {
    return null;
  }
  const { counts } =
    shown === null ? equalBins(array, block, mask, bins.edges) : octaveBins(part, shown);
  return { of, counts, factor: tally.total / part.total };
}
