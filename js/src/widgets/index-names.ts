// Pure: rows and columns of a tensor in words.

import type { Section } from '../data/sections';
import { rowsOfSection, sectionOf } from '../data/sections';

/** What of a tensor its rows and columns are called by. */
export interface Axes {
  /** What the columns count: `timestep`, or `channel` for a weight. */
  readonly columns: string;
  /** What the rows count: `channel`, or `feature` for a kernel. */
  readonly rows: string;
  readonly sections: readonly Section[];
  /** A label of each row, from the lowest; empty where its index is one. */
  readonly rowLabels: readonly string[];
  /** Names of the gates that divide an axis evenly, within each section; empty where none do. */
  gatesAlong(axis: 'columns' | 'rows'): readonly string[];
}

/** Where a row is: its gate and section ('' where there are none), and its place within them. */
interface Place {
  readonly gate: string;
  readonly section: string;
  /** What is counted. */
  readonly axis: string;
  readonly place: string;
}

const DIRECTIONS = ['forward', 'backward'];
const SHORT: Record<string, string | undefined> = { forward: 'fwd', backward: 'bwd' };

/** A row: `channel 41`, `forward 88`, `gate i, channel 3`, `feature 2`. */
export function rowName(axes: Axes, row: number, rowCount: number): string {
  const { gate, section, axis, place } = placeOfRow(axes, row, rowCount);
  return inGate(gate, `${joined(section, axis)} ${place}`.trimStart());
}

/** The same beside the slider, where there is little room: `41`, `fwd 88`, `i 3`. */
export function shortRowName(axes: Axes, row: number, rowCount: number): string {
  const { gate, section, axis, place } = placeOfRow(axes, row, rowCount);
  const where = section === '' ? '' : joined(SHORT[section] ?? section, axis);
  return [gate, where, place].filter((part) => part !== '').join(' ');
}

/** The same in a caption: `channel 88, forward` is the channel 88 of the forward half. */
export function rowInCaption(axes: Axes, row: number, rowCount: number): string {
  const { gate, section, axis, place } = placeOfRow(axes, row, rowCount);
  const isHalf = axis === '' && DIRECTIONS.includes(section);
  return isHalf ? inGate(gate, `channel ${place}, ${section}`) : rowName(axes, row, rowCount);
}

/** A column: `timestep 72`, `processing step 72`, `gate f, channel 12`. */
export function columnName(
  axes: Axes,
  column: number,
  columnCount: number,
  reflect: boolean,
): string {
  const [gate, place] = gateOf(axes.gatesAlong('columns'), column, columnCount);
  return inGate(gate, `${reflect ? 'processing step' : axes.columns} ${place}`);
}

function placeOfRow(axes: Axes, row: number, rowCount: number): Place {
  const index = sectionOf(axes.sections, row);
  const [start, stop] = rowsOfSection(axes.sections, index, rowCount);
  const [gate, place] = gateOf(axes.gatesAlong('rows'), row - start, stop - start);
  const { name, rows } = index === null ? { name: '', rows: axes.rows } : axes.sections[index];
  const label = axes.rowLabels[row] ?? String(place);
  // what is no number is a name by itself
  const axis = label === '' || Number.isNaN(Number(label)) ? '' : rows;
  return { gate, section: name, axis, place: label };
}

/** The gate of an index and its place within the gate; without gates, '' and the index itself. */
function gateOf(gates: readonly string[], index: number, count: number): [string, number] {
  if (gates.length === 0) {
    return ['', index];
  }
  const size = Math.floor(count / gates.length);
  const gate = Math.min(Math.floor(index / size), gates.length - 1);
  return [gates[gate], index - gate * size];
}

function inGate(gate: string, name: string): string {
  return gate === '' ? name : `gate ${gate}, ${name}`;
}

function joined(...words: string[]): string {
  return words.filter((word) => word !== '').join(', ');
}
