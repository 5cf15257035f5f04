/**
 * Which widgets are seen on this page. Beside each, the notebook has a static picture of it, for
 * those who open it without a kernel; while the widget itself is seen, the picture is not.
 */

interface Seen {
  views: number;
  readonly style: HTMLStyleElement;
}

/** By model id. */
const seen = new Map<string, Seen>();
const listeners = new Set<() => void>();

export function isSeen(id: string): boolean {
  return seen.has(id);
}

/** Call `changed` when a widget comes in sight for the first time, or is gone; returns how to stop. */
export function onSeenChange(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/** Say that a view of a widget is on the page; returns how to say that it is gone. */
export function noteSeen(id: string): () => void {
  const widget = seen.get(id) ?? { views: 0, style: hidePictures(id) };
  seen.set(id, widget);
  widget.views += 1;
  if (widget.views === 1) {
    listeners.forEach((changed) => changed());
  }
  return () => {
    widget.views -= 1;
    if (widget.views === 0) {
      widget.style.remove();
      seen.delete(id);
      listeners.forEach((changed) => changed());
    }
  };
}

/** Hide what a front end that does not know of such pictures makes of them. */
function hidePictures(id: string): HTMLStyleElement {
  const style = document.createElement('style');
  style.textContent = `${pictureOf(id)} { display: none !important; }`;
  document.head.append(style);
  return style;
}

/**
 * A selector of the picture of a widget. Python writes the model id into the first bytes of the PNG,
 * at a multiple of three, so that a data URL has it in base64; VS Code gives the output's text as
 * the picture's alternative, and has its bytes elsewhere.
 */
function pictureOf(id: string): string {
  const inBase64 = btoa(id.slice(0, 30)); // ten times three of the 32 characters
  return `img[src^="data:image/png"][src*="${inBase64}"], img[alt$="${id}"]`;
}
