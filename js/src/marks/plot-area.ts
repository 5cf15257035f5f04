// The area of a figure that pointer and keys act on; and what its time axis is called.

import { setAttributes, svg } from '../drawing/svg';
import { KEYS, KEYS_HELP, PLOT_KEYS, pressKey } from '../widgets/keys';
import type { SelectionModel } from '../widgets/selection';

/** What a figure does with the pointer. */
export interface PointerActions {
  pointAt(event: PointerEvent): void;
  chooseAt(event: MouseEvent): void;
  /** Whether a double click shows the whole time axis. */
  readonly isTimed: boolean;
}

/** An invisible rectangle that takes pointer and keys; it has the focus of the figure. */
export function plotArea(className = ''): SVGRectElement {
  return svg('rect', { class: `rnngrad-hit ${className}`.trim(), fill: 'transparent' });
}

/** Attributes of a plot area for screen readers; its name is the caption (widgets/accessibility.ts). */
export function spokenPlot(keys: string): Record<string, string | number> {
  return {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'plot',
    'aria-label': 'nothing yet', // until there is a caption
    'aria-description': keys,
  };
}

/** Let pointer and keys in a plot area act on the selection. */
export function followPointer(
  area: SVGRectElement,
  selection: SelectionModel,
  actions: PointerActions,
): void {
  setAttributes(area, {
    ...spokenPlot(KEYS_HELP),
    [KEYS]: PLOT_KEYS,
  });
  area.addEventListener('pointermove', (event) => actions.pointAt(event));
  area.addEventListener('pointerleave', () => {
    selection.hover(null, null);
    selection.save_changes(); // the last timestep stays, also after a reload
  });
  area.addEventListener('click', (event) => actions.chooseAt(event));
  area.addEventListener('dblclick', () => actions.isTimed && selection.zoom(null));
  area.addEventListener('keydown', (event) => pressKey(selection, event));
}

/** What the columns are called under a plot: in processing order they are no timesteps. */
export function columnAxisName(selection: SelectionModel, isNarrow: boolean): string {
  const order = isNarrow ? 'processing' : 'processing step';
  return selection.reflect ? order : selection.tensor.columns;
}
