/**
 * Name and version of the widget module, from package.json, the one place where the version stands.
 */
import packageJson from '../package.json';

export const MODULE_NAME: string = packageJson.name;
export const MODULE_VERSION: string = packageJson.version;

/** What every model and view of this module says about where it comes from: of any version. */
export const MODULE_STATE = {
  _model_module: MODULE_NAME,
  _model_module_version: '*',
  _view_module: MODULE_NAME,
  _view_module_version: '*',
} as const;

/** What is said where Python has another version than the page; nothing where it has the same. */
export function versionText(python: string): string {
  return python === MODULE_VERSION
    ? ''
    : `Python has version ${python} of rnngrad_widgets, this page ${MODULE_VERSION}: what is shown may ` +
        'be wrong. Load the page again and restart the kernel; where that does not help, install ' +
        'the same version for JupyterLab as for the kernel.';
}
