/** Make an element of a text, or of others. */
export function element(tag: string, text: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  made.append(...children);
  return made;
}
