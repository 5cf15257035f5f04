import { expect, it } from 'vitest';

import { spoken } from './spoken';

it.each([
  [
    'timestep 29 · channel 0 · g −6.8e2 · ‖g‖ 1.0e3',
    'timestep 29, channel 0, g minus 6.8e2, norm of g 1.0e3',
  ],
  ['lstm  ·  max |g| 1.4e3', 'lstm, max magnitude of g 1.4e3'],
  ['±1.5e3', 'plus or minus 1.5e3'],
  ['of step 3\n\n  a against b', 'of step 3. a against b'],
  [
    'weakest at timestep 3, 9.7e-3 of the strongest',
    'weakest at timestep 3, 9.7e-3 of the strongest',
  ],
])('%s is read as %s', (line, words) => {
  expect(spoken(line)).toBe(words);
});
