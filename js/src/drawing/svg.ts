/** Create an SVG element with attributes. Text from users only ever becomes `textContent`. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number> = {},
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  setAttributes(element, attributes);
  return element;
}

export function setAttributes(element: Element, attributes: Record<string, string | number>): void {
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, String(value));
  }
}

export function show(element: SVGElement, visible: boolean): void {
  element.style.display = visible ? '' : 'none';
}

/**
 * Position of an event in the coordinates of an element, also where the page is scaled or turned.
 */
export function pointIn(
  element: SVGGraphicsElement,
  { clientX, clientY }: MouseEvent,
): DOMPointReadOnly {
  const matrix = element.getScreenCTM();
  const point = new DOMPoint(clientX, clientY);
  return matrix === null ? point : point.matrixTransform(matrix.inverse());
}
