// Tensors as the words of them need them.
import type { Section } from '../data/sections';
import { NOTHING } from '../data/told';
import type { TensorWords } from '../widgets/text';

interface Given extends Partial<Omit<TensorWords, 'gatesAlong'>> {
  readonly sections?: readonly Section[];
  readonly gates?: { readonly columns?: readonly string[]; readonly rows?: readonly string[] };
}

/** A sequence of gradients, but for what is given. */
export function tensorWords({ gates, ...given }: Given = {}): TensorWords {
  return {
    columns: 'timestep',
    rows: 'channel',
    sections: [],
    rowLabels: [],
    directions: [],
    noun: 'Gradient g',
    comparedSteps: null,
    symbol: 'g',
    flow: 'Gradient flow',
    fullName: 'total gradient',
    told: NOTHING,
    gatesAlong: (axis) => gates?.[axis] ?? [],
    ...given,
  };
}

/** The halves of a Bidirectional layer of 12 channels. */
export const HALVES = {
  directions: ['forward', 'backward'],
  sections: [
    { name: 'forward', start: 0, rows: '' },
    { name: 'backward', start: 6, rows: '' },
  ],
};

/** The matrices of a layer's weights, 12 rows in all. */
export const MATRICES = {
  columns: 'channel',
  rows: 'row',
  sections: [
    { name: 'kernel', start: 0, rows: 'feature' },
    { name: 'recurrent_kernel', start: 4, rows: 'channel' },
    { name: 'bias', start: 11, rows: '' },
  ],
};
