/**
 * Registers the widget module in JupyterLab and Notebook 7. Its code is loaded with the first
 * widget.
 */

import type { ExportMap } from '@jupyter-widgets/base';
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import type { Application, IPlugin } from '@lumino/application';
import type { Widget } from '@lumino/widgets';

import { MODULE_NAME, MODULE_VERSION } from './version';

const plugin: IPlugin<Application<Widget>, void> = {
  id: `${MODULE_NAME}:plugin`,
  description: 'Widgets that show the gradients of recurrent layers.',
  requires: [IJupyterWidgetRegistry],
  autoStart: true,
  activate: (_app: Application<Widget>, registry: IJupyterWidgetRegistry): void => {
    registry.registerWidget({
      name: MODULE_NAME,
      version: MODULE_VERSION,
      // The module also exports plain functions; the registry only looks up the widget classes.
      exports: async () => (await import('./index')) as unknown as ExportMap,
    });
  },
};

export default plugin;
