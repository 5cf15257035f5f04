// Pure: colours of words that can be read.

/** What WCAG 2.2 asks of the contrast of small words with their ground. */
const ENOUGH = 4.5;

/** Percent of lightness from one try to the next. */
const STEP = 2;

type Rgb = readonly [number, number, number];

/**
 * The lightness nearest to a wanted one at which a colour can be read; in percent, as in `hsl()`.
 *
 * @param ground - luminance of what is behind the words
 */
export function readableLightness(
  hue: number,
  saturation: number,
  wanted: number,
  ground: number,
): number {
  const away = ground > 0.5 ? -STEP : STEP;
  let lightness = wanted;
  while (contrast(luminance(fromHsl(hue, saturation, lightness)), ground) < ENOUGH) {
    lightness += away;
  }
  return lightness;
}

/** Contrast ratio of two luminances, from 1 to 21. */
export function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** Relative luminance of a colour with channels 0 .. 1. */
export function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((v) =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function fromHsl(hue: number, saturation: number, lightness: number): Rgb {
  const [s, l] = [saturation / 100, lightness / 100];
  const channel = (shift: number): number => {
    const k = (shift + hue / 30) % 12;
    return l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [channel(0), channel(8), channel(4)];
}
