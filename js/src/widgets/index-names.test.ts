// Rows and columns in words, for each kind of tensor.
import { describe, expect, it } from 'vitest';

import { HALVES, MATRICES, tensorWords } from '../testing/axes';
import { columnName, rowInCaption, rowName, shortRowName } from './index-names';

const plain = tensorWords();
const halves = tensorWords(HALVES);
const gates = tensorWords({ gates: { rows: ['i', 'f', 'c'] } });
const halvesWithGates = tensorWords({ ...HALVES, gates: { rows: ['i', 'f', 'c'] } });
const kernel = tensorWords({ columns: 'channel', rows: 'feature', gates: { columns: ['z', 'r'] } });
const matrices = tensorWords(MATRICES);
const labelled = tensorWords({
  rows: 'loss timestep',
  rowLabels: [...Array.from({ length: 11 }, (_, i) => String(9 * i)), 'rest'],
});
const image = tensorWords({ rows: 'row × column × channel' });

describe('a row of 12', () => {
  it.each([
    ['a sequence', plain, 11, 'channel 11', '11', 'channel 11'],
    ['a Bidirectional layer', halves, 5, 'forward 5', 'fwd 5', 'channel 5, forward'],
    ['its second half', halves, 6, 'backward 0', 'bwd 0', 'channel 0, backward'],
    ['gates', gates, 4, 'gate f, channel 0', 'f 0', 'gate f, channel 0'],
    ['the last gate', gates, 11, 'gate c, channel 3', 'c 3', 'gate c, channel 3'],
    [
      'gates of halves',
      halvesWithGates,
      9,
      'gate f, backward 1',
      'f bwd 1',
      'gate f, channel 1, backward',
    ],
    ['a kernel', kernel, 2, 'feature 2', '2', 'feature 2'],
    ['a matrix', matrices, 3, 'kernel, feature 3', 'kernel, feature 3', 'kernel, feature 3'],
    [
      'the next one',
      matrices,
      4,
      'recurrent_kernel, channel 0',
      'recurrent_kernel, channel 0',
      'recurrent_kernel, channel 0',
    ],
    ['with labels', labelled, 3, 'loss timestep 27', '27', 'loss timestep 27'],
    ['a name', labelled, 11, 'rest', 'rest', 'rest'],
    ['a bias', matrices, 11, 'bias 0', 'bias 0', 'bias 0'],
    ['images', image, 7, 'row × column × channel 7', '7', 'row × column × channel 7'],
  ])('of %s', (_what, axes, row, full, short, caption) => {
    expect(rowName(axes, row, 12)).toBe(full);
    expect(shortRowName(axes, row, 12)).toBe(short);
    expect(rowInCaption(axes, row, 12)).toBe(caption);
  });
});

describe('a column of 8', () => {
  it.each([
    ['a sequence', plain, 7, false, 'timestep 7'],
    ['a sequence that is reflected', plain, 7, true, 'processing step 7'],
    ['a kernel', kernel, 3, false, 'gate z, channel 3'],
    ['the next gate', kernel, 4, false, 'gate r, channel 0'],
  ])('of %s', (_what, axes, column, reflect, name) => {
    expect(columnName(axes, column, 8, reflect)).toBe(name);
  });

  it('belongs to the last gate where gates do not divide them', () => {
    const odd = tensorWords({ columns: 'channel', gates: { columns: ['z', 'r'] } });
    expect(columnName(odd, 8, 9, false)).toBe('gate r, channel 4');
  });
});
