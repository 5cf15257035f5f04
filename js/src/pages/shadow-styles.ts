/**
 * Styles of the widgets for shadow roots: in the document they would change the host's layout.
 *
 * Modules put their styles into the document's head when they run. They are taken from there.
 */
const sheets: CSSStyleSheet[] = [];

/** Take the styles out of the document that modules have put there since `before` were its elements. */
export function takeStyles(before: ReadonlySet<Element>): void {
  for (const element of [...document.head.children]) {
    if (element instanceof HTMLStyleElement && !before.has(element)) {
      const sheet = new CSSStyleSheet();
      // defaults for the whole document are for what has no theme of its host
      sheet.replaceSync(element.textContent.replaceAll(':root', '.rnngrad-own-theme'));
      sheets.push(sheet);
      element.remove();
    }
  }
}

export function adoptStyles(root: ShadowRoot): ShadowRoot {
  root.adoptedStyleSheets.push(...sheets);
  return root;
}
