// What numpy wrote for the tests of both halves (tests/fixtures/golden.py).
import { readFileSync } from 'node:fs';

import type { PlotArray } from '../data/slicing';
import { asPlotArray } from '../data/slicing';

/** JSON has no NaN and no infinity: they stand there by name. */
export type Value = number | string;

interface Golden {
  readonly flow: {
    start: number;
    stop: number;
    flip: boolean;
    mask: number[];
    norms: Value[];
    quartiles: Value[];
  }[];
  readonly shape: number[];
  readonly values: Value[];
  readonly pooled: {
    sample: number;
    reflect: boolean;
    start: number;
    stop: number;
    rows: number;
    cols: number;
    cells: Value[];
  }[];
  readonly spans: {
    span: [number, number];
    reflect: boolean;
    rows: number;
    cols: number;
    cells: Value[];
  }[];
  readonly series: { sample: number; channel: number; reflect: boolean; values: Value[] }[];
  readonly norms: { timestep: number; value: number }[];
  readonly stops: string[];
  readonly colours: { value: number; limit: number; rgb: [number, number, number] }[];
  readonly sequential: string[];
  readonly log_colours: { value: number; limit: number; rgb: [number, number, number] }[];
  readonly distribution: Distribution;
  readonly limits: { what: string; values: Value[]; limit: number }[];
}

interface Distribution {
  readonly shape: number[];
  readonly values: Value[];
  readonly mask: number[];
  readonly cases: {
    samples: [number, number];
    channels: [number, number];
    masked: boolean;
    total: number;
    zeros: number;
    nans: number;
    infinities: number;
    octaves: number[];
    range: [number, number];
    edges: number[];
    counts: number[];
  }[];
}

/** A JSON file of tests/fixtures. */
export function fixture(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../tests/fixtures/${name}`, import.meta.url), 'utf8'),
  );
}

const NAMES: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };

export function number(value: Value): number {
  return typeof value === 'number' ? value : NAMES[value];
}

export const golden = fixture('golden.json') as Golden;

/** The tensor of the golden slices. */
export const plotArray: PlotArray = asPlotArray(
  Float32Array.from(golden.values, number),
  golden.shape,
);
