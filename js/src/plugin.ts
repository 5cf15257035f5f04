/**
 * Registers the widget module in JupyterLab and Notebook 7. Its code is loaded with the first
 * widget.
 */

import type { ExportMap } from '@jupyter-widgets/base';
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import type { Kernel } from '@jupyterlab/services';
import type { Application, IPlugin } from '@lumino/application';
import type { Widget } from '@lumino/widgets';

import { restoreOnConnection } from './busy-kernel';
import { RestoredModels } from './restored-models';
import { MODULE_NAME, MODULE_VERSION } from './version';

/** What is needed here of the application's registry of documents. */
interface Documents {
  addWidgetExtension(
    kind: string,
    extension: { createNew(_: unknown, context: Context): void },
  ): void;
}

interface Change {
  readonly newValue: Kernel.IKernelConnection | null;
}

interface Context {
  readonly sessionContext: {
    readonly kernelChanged: { connect(slot: (sender: unknown, change: Change) => void): boolean };
  };
}

const plugin: IPlugin<Application<Widget>, void> = {
  id: `${MODULE_NAME}:plugin`,
  description: 'Widgets that show the gradients of recurrent layers.',
  requires: [IJupyterWidgetRegistry],
  autoStart: true,
  activate: (app: Application<Widget>, registry: IJupyterWidgetRegistry): void => {
    const models = new RestoredModels();
    registry.registerWidget({
      name: MODULE_NAME,
      version: MODULE_VERSION,
      exports: async () => {
        await models.ready;
        // The module also exports plain functions; the registry only looks up the widget classes.
        return (await import('./index')) as unknown as ExportMap;
      },
    });
    const { docRegistry } = app as unknown as { docRegistry: Documents };
    docRegistry.addWidgetExtension('Notebook', {
      createNew: (_panel, { sessionContext }) => {
        sessionContext.kernelChanged.connect((_sender, { newValue: kernel }) => {
          if (kernel !== null) {
            models.watch(kernel);
            restoreOnConnection(kernel);
          }
        });
      },
    });
  },
};

export default plugin;
