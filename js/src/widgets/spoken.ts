/** The words of a line as they are read aloud: signs that a voice skips or spells become words. */
export function spoken(line: string): string {
  return line
    .replace(/\s*\n\s*/g, '. ')
    .replace(/\s*·\s*/g, ', ')
    .replace(/‖([^‖]+)‖/g, 'norm of $1')
    .replace(/\|([^|]+)\|/g, 'magnitude of $1')
    .replace(/±/g, 'plus or minus ')
    .replace(/−/g, 'minus ')
    .replace(/\s+/g, ' ')
    .trim();
}
