/** What Python tells of a tensor, in its words: `diagnosis/telling.py` has the same fields. */
export interface Told {
  /** A sentence for each sample; none of what is no gradient over time. */
  readonly samples: readonly string[];
  /** One about all samples; empty where it would say nothing more. */
  readonly batch: string;
  /** The table of the diagnosis, and the sentences below it. */
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly lines: readonly string[];
}

export const NOTHING: Told = { samples: [], batch: '', header: [], rows: [], lines: [] };
