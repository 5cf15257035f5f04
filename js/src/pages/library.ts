/**
 * What shows widgets where no loader of widgets is: a bundle of its own, with the widget libraries
 * in it (scripts/build-page.mjs). Python adds bqplot and our AMD bundle (export/bundle.py).
 */
import '@lumino/widgets/style/index.css';
import '@jupyter-widgets/controls/css/widgets-base.css';
import '../../style/page.css';

export { defineAs } from './module-manager';
export { start } from './saved-page';
export { takeStyles } from './shadow-styles';
export { connect, show } from './tunnel';
