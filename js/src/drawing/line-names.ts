// Pure: which of many lines is pointed at, and which have their names beside the plot.

import { LABEL_GAP } from './label-spacing';

/** Of more samples than these, only the chosen one and the one that is pointed at are named. */
const MOST_NAMES = 10;

/** Pixels from a line within which it is pointed at. */
const REACH = 12;

/** The samples whose lines are named, in rising order. */
export function namedLines(
  samples: number,
  chosen: number,
  hovered: number | null,
  height: number,
): number[] {
  if (samples <= MOST_NAMES && samples * LABEL_GAP <= height) {
    return Array.from({ length: samples }, (_, s) => s);
  }
  return [...new Set([chosen, hovered ?? chosen])].sort((a, b) => a - b);
}

/**
 * The line nearest to a pixel; null where none is near.
 *
 * @param places - for each line its pixels above one another there; NaN where it has none
 */
export function nearestLine(places: readonly (readonly number[])[], y: number): number | null {
  let [nearest, least]: [number | null, number] = [null, REACH];
  places.forEach((own, line) => {
    for (const place of own) {
      if (Math.abs(place - y) <= least) {
        [nearest, least] = [line, Math.abs(place - y)];
      }
    }
  });
  return nearest;
}

/** A name of at most so many characters: names of a sweep often differ in their ends only. */
export function cutInTheMiddle(name: string, most: number): string {
  const kept = (most - 1) / 2;
  return name.length <= most
    ? name
    : `${name.slice(0, Math.floor(kept))}…${name.slice(-Math.ceil(kept))}`;
}
