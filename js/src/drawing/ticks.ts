// Pure choice of ticks.

/** A place on an axis and what is written there. */
export type Tick = readonly [at: number, text: string];

/** What an axis holds. */
export interface Fit {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly Tick[];
}

/** Places that are labelled with their own number. */
export function numbered(places: readonly number[]): Tick[] {
  return places.map((at) => [at, String(at)]);
}

const STEPS = [1, 2, 5];

/** The smallest of 1, 2, 5 x 10^k that is >= `value` (value > 0). */
function roundStep(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  for (const step of STEPS) {
    if (step * decade >= value * (1 - 1e-9)) {
      return step * decade;
    }
  }
  return 10 * decade;
}

/**
 * Indices to label on an axis of `pixels` px, at least `gap` px apart: round ones, and the last.
 */
export function indexTicks(first: number, last: number, pixels: number, gap: number): number[] {
  if (last <= first) {
    return [first];
  }
  const step = Math.max(1, roundStep((gap * (last - first + 1)) / Math.max(pixels, 1)));
  const ticks: number[] = [];
  for (let i = Math.ceil(first / step) * step; i < last; i += step) {
    ticks.push(i);
  }
  // the last one matters more than the regular one beside it
  if (ticks.length > 1 && last - ticks[ticks.length - 1] < 0.7 * step) {
    ticks.pop();
  }
  return [...ticks, last];
}

/** `parts + 1` indices spread evenly over 0..count-1, without repeats: 0, 64, 128, 192, 255. */
export function evenTicks(count: number, parts: number): number[] {
  const ticks = new Set<number>();
  for (let i = 0; i < parts; i++) {
    ticks.add(Math.min(Math.round((i * count) / parts), count - 1));
  }
  ticks.add(count - 1);
  return [...ticks].sort((a, b) => a - b);
}

/** The outer tick of a symmetric axis: the largest of 1, 2, 5 x 10^k that is <= `value` (> 0). */
export function outerTick(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  return (
    [...STEPS]
      .reverse()
      .map((s) => s * decade)
      .find((s) => s <= value * (1 + 1e-9)) ?? decade
  );
}

/** Leave out the ticks within `reach` of a chip; a single tick stays, and the chip covers it. */
export function withoutChip(ticks: number[], chip: number | null, reach: number): number[] {
  if (chip === null || ticks.length < 2) {
    return ticks;
  }
  const kept = ticks.filter((tick) => Math.abs(tick - chip) >= reach);
  return kept.length > 0 ? kept : [ticks[0]];
}

/** Multiples of 1, 2 or 5 x 10^k within least..most, about `parts` steps of at least `finest`. */
export function roundTicks(least: number, most: number, parts: number, finest = 0): number[] {
  const step = Math.max(roundStep((most - least) / parts), finest);
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step || 0);
}
