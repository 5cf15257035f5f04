/**
 * Name and version of the widget module, from package.json, the one place where the version stands.
 */
import packageJson from '../package.json';

export const MODULE_NAME: string = packageJson.name;
export const MODULE_VERSION: string = packageJson.version;

/** What every model and view of this module says about where it comes from. */
export const MODULE_STATE = {
  _model_module: MODULE_NAME,
  _model_module_version: MODULE_VERSION,
  _view_module: MODULE_NAME,
  _view_module_version: MODULE_VERSION,
} as const;
