// Pure formatting of numbers, as the readouts and axes show them.

const MINUS = '−';

function signed(value: number, text: string, plus: boolean): string {
  const sign = value < 0 ? MINUS : plus && value > 0 ? '+' : '';
  return sign + text;
}

/** `3.1e-2`, with a true minus sign in front; zero is `0`; NaN and infinities by name. */
export function number(value: number, plus = false, digits = 1): string {
  if (Number.isNaN(value)) {
    return 'NaN';
  }
  if (!Number.isFinite(value)) {
    return signed(value, 'Inf', plus);
  }
  if (value === 0) {
    return '0';
  }
  return signed(value, Math.abs(value).toExponential(digits).replace('e+', 'e'), plus);
}

/** `‖g‖`: the norm of what has this symbol; the values of a summary are norms already. */
export function normOf(symbol: string): string {
  return isNorm(symbol) ? symbol : `‖${symbol}‖`;
}

/** `|g|`: the magnitude of what has this symbol; a norm is its own. */
export function magnitudeOf(symbol: string): string {
  return isNorm(symbol) ? symbol : `|${symbol}|`;
}

function isNorm(symbol: string): boolean {
  return symbol.startsWith('‖');
}

/** The label of an axis tick, with as few digits as it needs: `2e-2`, `1.5e-2`, `−20`. */
export function tick(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1000) {
    return signed(value, String(Math.abs(value)), false);
  }
  return number(value, false, 1).replace(/\.0(?=e)/, '');
}

/** The labels of ticks, with as many digits as it takes to tell them apart. */
export function ticks(values: readonly number[]): string[] {
  for (let digits = 2; digits < 9; digits++) {
    const texts = values.map((value) => number(value, false, digits).replace(/\.?0+(?=e)/, ''));
    const short = digits === 2 ? values.map(tick) : texts;
    if (new Set(short).size === new Set(values).size) {
      return short;
    }
  }
  return values.map(tick);
}

/** `0.351`, `2.4`, `1.2e-5`, `1.2e15`: a loss with three digits at most. */
export function lossText(value: number): string {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  return signed(value, plain ? String(Number(size.toPrecision(3))) : number(size), false);
}

/** A colour range: `±8.0e-3` where it is symmetric, else `−2.0e-3 … +8.0e-3`. */
export function range(vmin: number, vmax: number): string {
  return vmin === -vmax ? `±${number(vmax)}` : `${number(vmin, true)} … ${number(vmax, true)}`;
}

/** `1,234` */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** A count on an axis: `800`, `30k`, `1.5M`. */
export function short(count: number): string {
  const units = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  const [size, unit] = units.find(([least]) => count >= least) ?? [1, ''];
  return `${Number((count / size).toPrecision(3))}${unit}`;
}

/** `12 %`. Some are never rounded down to none, nor most up to all. */
export function share(count: number, total: number): string {
  const percent = (100 * count) / total;
  if (count > 0 && percent < 0.1) {
    return '<0.1 %';
  }
  if (count < total && percent > 99.9) {
    return '>99.9 %';
  }
  return `${Number(percent.toFixed(percent < 10 || percent > 99 ? 1 : 0))} %`;
}
