import type { PlotArray, Rows, Span } from './slicing';
import { pool } from './slicing';

/** Cells of pictures of one array that are kept. */
interface Kept {
  /** What else they depend on. */
  readonly key: string;
  readonly mask: PlotArray['mask'];
  /** By the offset of their rows, those that were asked for last at the end. */
  readonly cells: Map<number, Float32Array>;
}

/**
 * Pictures that were reduced once, for each array of one size and span of time: moving to and fro
 * among samples repeats nothing.
 */
export class PooledCells {
  /** Bytes for each array. */
  constructor(private readonly budget: number) {}

  /** The cells as `pool` lays them out; they must not be changed. */
  get(array: PlotArray, rows: Rows, span: Span, height: number, width: number): Float32Array {
    const { cells } = this.keptOf(array, rows, span, height, width);
    const found = cells.get(rows.offset) ?? new Float32Array(height * width);
    if (!cells.delete(rows.offset)) {
      pool(array, rows, span, height, width, found);
      for (const oldest of cells.keys()) {
        if ((cells.size + 1) * found.byteLength <= this.budget) {
          break;
        }
        cells.delete(oldest);
      }
    }
    cells.set(rows.offset, found);
    return found;
  }

  /** Whether more would fit without giving up others, and these are not there yet. */
  wants(array: PlotArray, rows: Rows, span: Span, height: number, width: number): boolean {
    const { cells } = this.keptOf(array, rows, span, height, width);
    return !cells.has(rows.offset) && (cells.size + 1) * 4 * height * width <= this.budget;
  }

  private keptOf(array: PlotArray, rows: Rows, span: Span, height: number, width: number): Kept {
    const key = [rows.count, rows.stride, rows.split, ...span, height, width].join();
    const found = this.kept.get(array.data);
    if (found?.key === key && found.mask === array.mask) {
      return found;
    }
    const made = { key, mask: array.mask, cells: new Map<number, Float32Array>() };
    this.kept.set(array.data, made);
    return made;
  }

  private readonly kept = new WeakMap<Float32Array, Kept>();
}
