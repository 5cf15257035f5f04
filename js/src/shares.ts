// The values that a histogram cannot show, in words in its margin.

import type { Tally } from './distribution';
import { grouped, share } from './format';
import { svg } from './svg';

interface Line {
  readonly text: string;
  readonly kind: 'strong' | 'quiet' | 'alarm';
}

/** Exact zeros, NaN and infinities: share and count, each told also where there is none. */
export function shares({ total, zeros, nans, infinities }: Tally): Line[] {
  const told = [
    [zeros, 'zeros', 'strong'],
    [nans, 'NaN', 'alarm'],
    [infinities, 'Inf', 'alarm'],
  ] as const;
  return told.flatMap(([count, name, kind]): Line[] =>
    count === 0
      ? [{ text: `no ${name}`, kind: 'quiet' }]
      : [
          { text: `${share(count, total)} ${name}`, kind },
          { text: grouped(count), kind: 'quiet' },
        ],
  );
}

/** Why there is nothing to draw. */
export function nothing({ total, zeros, nans, infinities }: Tally): string {
  if (total === 0) {
    return 'every timestep is masked';
  }
  const kinds = [
    [zeros, 'zero'],
    [nans, 'NaN'],
    [infinities, 'infinite'],
  ] as const;
  const only = kinds.filter(([count]) => count > 0).map(([, name]) => name);
  return total === 1 ? `the only value is ${only[0]}` : `all ${grouped(total)} values are ${only.join(' or ')}`;
}

/** The lines one under the other, as text at `x`. */
export function column(lines: Line[], x: number): SVGElement[] {
  let y = -4;
  return lines.map(({ text, kind }, i) => {
    // a share and its count belong together
    y += i > 0 && kind === 'quiet' && lines[i - 1].kind !== 'quiet' ? 14 : 18;
    const label = svg('text', { class: `rnngrad-label rnngrad-${kind}`, x, y });
    label.textContent = text;
    return label;
  });
}
