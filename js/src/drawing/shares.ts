// The values that a histogram cannot show, in words in its margin.

import type { Tally } from '../data/distribution';
import { grouped, share, short } from './format';
import { svg } from './svg';

export interface MarginLine {
  readonly text: string;
  readonly kind: 'strong' | 'quiet' | 'alarm';
  /** Whether it belongs to the line above. */
  readonly second?: boolean;
}

/**
 * Exact zeros, NaN and infinities: share and count.
 *
 * @param narrow - shorten the counts
 * @param absent - also say where there is none
 */
export function shares(
  { total, zeros, nans, infinities }: Tally,
  narrow: boolean,
  absent = true,
): MarginLine[] {
  const counted = [
    [zeros, 'zeros', 'quiet'],
    [nans, 'NaN', 'alarm'],
    [infinities, 'Inf', 'alarm'],
  ] as const;
  return counted.flatMap(([count, name, kind]): MarginLine[] =>
    count === 0
      ? absent
        ? [{ text: `no ${name}`, kind: 'quiet' }]
        : []
      : [
          { text: share(count, total), kind: kind === 'alarm' ? 'alarm' : 'strong' },
          { text: `${narrow ? short(count) : grouped(count)} ${name}`, kind, second: true },
        ],
  );
}

/** Why there is nothing to draw. */
export function emptyReason({ total, zeros, nans, infinities }: Tally): string {
  if (total === 0) {
    return 'every timestep is masked';
  }
  const kinds = [
    [zeros, 'zero'],
    [nans, 'NaN'],
    [infinities, 'infinite'],
  ] as const;
  const only = kinds.filter(([count]) => count > 0).map(([, name]) => name);
  return total === 1
    ? `the only value is ${only[0]}`
    : `all ${grouped(total)} values are ${only.join(' or ')}`;
}

/** Lines of text one under the other, beginning at `x`. */
export function textColumn(lines: MarginLine[], x: number): SVGElement[] {
  let y = -4;
  return lines.map(({ text, kind, second }) => {
    y += second ? 14 : 18;
    const label = svg('text', { class: `rnngrad-label rnngrad-${kind}`, x, y });
    label.textContent = text;
    return label;
  });
}
