// Pure: which snapshots of a run are kept. Python has the same rule in its module `thinning`, and
// both are tested against tests/fixtures/thinning.json.

/**
 * Every `stride`-th snapshot and the last one: evenly spread over the run, first and last always.
 */
export function isKept(number: number, stride: number, last: number): boolean {
  return number % stride === 0 || number === last;
}

/** The smallest power of two that leaves no more than `capacity` of the snapshots 0..last. */
export function strideFor(last: number, capacity: number): number {
  let stride = 1;
  // the multiples of the stride up to the last one, and the last one itself
  while (Math.floor(last / stride) + 1 + (last % stride === 0 ? 0 : 1) > Math.max(capacity, 2)) {
    stride *= 2;
  }
  return stride;
}
