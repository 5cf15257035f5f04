// Sizes that the style sheet knows too (style/index.css).

/** A frame that is narrower than this, in pixels, has the narrow layout. */
export const BREAKPOINT = 900;

/** Room at the right of the plots, in pixels. */
export const MARGIN_RIGHT = { wide: 108, narrow: 80 };
