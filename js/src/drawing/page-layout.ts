// Sizes that the style sheet knows too (style/index.css).

/** Widths of the frame below this use the narrow layout, in pixels. */
export const BREAKPOINT = 900;

/** Room at the right of the plots, in pixels. */
export const MARGIN_RIGHT = { wide: 108, narrow: 80 };
