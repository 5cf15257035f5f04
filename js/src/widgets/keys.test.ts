// Whose a key is: pure, by example.
import { describe, expect, it } from 'vitest';

import { changesCells, KEYS, keyOf, PLOT_KEYS, takes } from './keys';

const NONE = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false };
const ALTGR = { ...NONE, ctrlKey: true, altKey: true };
const OPTION = { ...NONE, altKey: true };
const CONTROL = { ...NONE, ctrlKey: true };

/** An element of a kind, as far as it is asked. */
function element(selector: string, keys: string | null = null): Element {
  return {
    getAttribute: (name: string) => (name === KEYS ? keys : null),
    matches: (selectors: string) => selectors.split(', ').includes(selector),
  } as unknown as Element;
}

describe('a key', () => {
  it.each([
    ['[', NONE, '['],
    ['[', ALTGR, '['],
    [']', OPTION, ']'],
    ['+', OPTION, '+'],
    [']', CONTROL, null],
    ['[', { ...NONE, metaKey: true }, null],
    ['ArrowLeft', OPTION, null],
    ['s', CONTROL, null],
    ['5', OPTION, null],
    ['ArrowLeft', { ...NONE, shiftKey: true }, 'ArrowLeft'],
  ])('%s with modifiers is the character that it makes', (key, modifiers, found) => {
    expect(keyOf({ ...modifiers, key })).toBe(found);
  });

  it.each([
    ['d', NONE, true],
    ['ArrowDown', NONE, true],
    ['s', CONTROL, false],
    ['Enter', { ...NONE, shiftKey: true }, false],
    ['Escape', NONE, false],
    ['F11', NONE, false],
  ])('%s with modifiers may change cells', (key, modifiers, found) => {
    expect(changesCells({ ...modifiers, key })).toBe(found);
  });

  const plot = element('rect', PLOT_KEYS);
  it.each([
    [plot, 'ArrowLeft', NONE, true],
    [plot, '[', ALTGR, true],
    [plot, 'PageDown', NONE, true],
    [plot, 'd', NONE, false],
    [plot, 'Enter', NONE, false],
    [plot, 'Escape', NONE, false],
    [plot, 's', CONTROL, false],
    [element('.noUi-handle'), 'Home', NONE, true],
    [element('.noUi-handle'), ']', NONE, false],
    [element('select'), 'l', NONE, true],
    [element('select'), 'Escape', NONE, false],
    [element('button'), ' ', NONE, true],
    [element('button'), 'Enter', NONE, true],
    [element('button'), 'Enter', { ...NONE, shiftKey: true }, false],
    [element('input[type="range"]', 'Space'), ' ', NONE, true],
    [element('input'), 'x', NONE, true],
    [element('div'), 'x', NONE, false],
  ])('belongs to the control that takes it (%#)', (target, key, modifiers, taken) => {
    expect(takes(target, { ...modifiers, key })).toBe(taken);
  });
});
