// Elements may be in a shadow root, whose inside the document does not see (src/pages/tunnel.ts).

/** The element of the same document or shadow root that has the focus. */
export function focusedNear(el: Element): Element | null {
  return rootOf(el).activeElement;
}

/** The element of the same document or shadow root with an id. */
export function elementNear(el: Element, id: string): Element | null {
  return rootOf(el).getElementById(id);
}

/** The nearest element around `el`, or itself, that matches; out of shadow roots too. */
export function closestAround<T extends Element>(el: Element, selector: string): T | null {
  const found = el.closest<T>(selector);
  const root = el.getRootNode();
  return found === null && root instanceof ShadowRoot
    ? closestAround<T>(root.host, selector)
    : found;
}

function rootOf(el: Element): Document | ShadowRoot {
  const root = el.getRootNode();
  return root instanceof ShadowRoot ? root : document;
}
