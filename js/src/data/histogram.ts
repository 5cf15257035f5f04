// Pure counting for a histogram: what is shown of the time axis of all samples, drawn in bars, and a
// part of it, drawn as a line. The bins are those of the whole tensor, so that ranges compare.
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

/** What is drawn: all samples in bars, a part of them as a line. */
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

/**
 * The axis of values: that of the whole tensor, whichever part is counted. Without octaves and edges
 * there is no finite value but zero.
 */
export interface ValueAxis {
  readonly magnitude: boolean;
  /** The octaves on an axis of magnitudes. */
  readonly shown: Span | null;
  /** Edges of the bins of signed values. */
  readonly edges: Float64Array | null;
}

/** Fit the axis to the whole tensor. */
export function fitAxis(
  array: PlotArray,
  mask: Float32Array | null,
  whole: Octaves,
  signed: boolean,
): ValueAxis {
  const shown = shownOctaves(whole);
  if (!signed || shown === null) {
    return { magnitude: !signed, shown, edges: null };
  }
  const range = finiteRange(array, [wholeBlock(array)], mask, whole) as [number, number];
  return { magnitude: false, shown: null, edges: equalEdges(range, BINS) };
}

/**
 * Count what is shown of all samples.
 *
 * @param tally - of these blocks
 */
export function countAll(
  array: PlotArray,
  blocks: readonly Block[],
  mask: Float32Array | null,
  tally: Octaves,
  { magnitude, shown, edges }: ValueAxis,
): Drawn {
  const drawn = { magnitude, shown: null, tally, below: 0, bins: null, line: null };
  if (shownOctaves(tally) === null) {
    return drawn;
  }
  if (edges !== null) {
    return { ...drawn, bins: equalBins(array, blocks, mask, edges) };
  }
  if (shown !== null) {
    return { ...drawn, shown, below: countBelow(tally, shown), bins: octaveBins(tally, shown) };
  }
  return drawn;
}

/**
 * The part that the line shows: a sample, or a channel of a sample. Without a time axis a sample
 * has only one value of a channel, so the part is that channel in every sample.
 */
export function chosenBlocks(
  blocks: readonly Block[],
  of: Line['of'],
  sample: number,
  channel: number,
  timed: boolean,
): Block[] {
  const one = [sample, sample + 1] as const;
  return blocks
    .filter(({ channels: [first, end] }) => of === 'sample' || (first <= channel && channel < end))
    .map((block) =>
      of === 'sample'
        ? { ...block, samples: one }
        : {
            ...block,
            samples: timed ? one : block.samples,
            channels: [channel, channel + 1] as const,
          },
    );
}

/** Count a part in the bins of the whole; null where it has no values, or is the whole itself. */
export function countLine(
  array: PlotArray,
  mask: Float32Array | null,
  { bins, shown, tally }: Drawn,
  blocks: readonly Block[],
  of: Line['of'],
): Line | null {
  const part = octaves(array, blocks, mask);
  if (bins === null || part.total === 0 || part.total === tally.total) {
    return null;
  }
  const { counts } =
    shown === null ? equalBins(array, blocks, mask, bins.edges) : octaveBins(part, shown);
  return { of, counts, factor: tally.total / part.total };
}
