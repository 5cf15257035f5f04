// Widget managers of pages that have no loader of widgets: they take classes from modules by name.

import * as base from '@jupyter-widgets/base';
import { ManagerBase } from '@jupyter-widgets/base-manager';
import * as controls from '@jupyter-widgets/controls';

type Module = Record<string, unknown>;
type Factory = (...dependencies: Module[]) => Module;

const modules = new Map<string, Module>([
  ['@jupyter-widgets/base', base as Module],
  ['@jupyter-widgets/controls', controls as Module],
]);

/** Modules whose classes another one has too: bqscales' own file would be a twelfth of the code. */
const PART_OF = new Map([['bqscales', 'bqplot']]);

function moduleNamed(name: string): Module {
  const found = modules.get(PART_OF.get(name) ?? name);
  if (found === undefined) {
    throw new Error(
      `this page has no widgets of ${name}; it has those of ${[...modules.keys()].join(', ')}`,
    );
  }
  return found;
}

/** Make AMD's `define` for the file of one module, because such files do not say their own name. */
export function defineAs(name: string): (dependencies: string[], factory: Factory) => void {
  return (dependencies, factory) => {
    modules.set(name, factory(...dependencies.map(moduleNamed)));
  };
}

/** A widget manager with the modules of this page. */
export abstract class ModuleManager extends ManagerBase {
  /**
   * Formulas stay as they are: no control here has any, and the MathJax of the page may be one that
   * ipywidgets does not know, as Voila's.
   */
  readonly _rendermime = { latexTypesetter: { typeset: () => undefined } };

  protected override async loadClass(name: string, moduleName: string): Promise<never> {
    return moduleNamed(moduleName)[name] as never;
  }

  /**
   * Escape HTML in descriptions. No control here has any, and the library that lets some of it
   * through would be a tenth of the code.
   */
  override inline_sanitize(text: string): string {
    const element = document.createElement('span');
    element.textContent = text;
    return element.innerHTML;
  }
}
