/** The widget module: what Python's `_model_name` and `_view_name` are looked up in. */
import '../style/index.css';

export * from './about';
export * from './version';
