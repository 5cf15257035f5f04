import type { IClassicComm, IWidgetManager } from '@jupyter-widgets/base';
import { uuid } from '@jupyter-widgets/base';

import type { Wire } from '../data/wire';
import { ARRAYS } from '../data/wire';

/** Milliseconds without an array after which no more are expected: a server may drop messages. */
const PATIENCE = 10_000;

/** What every widget manager has, though not in its interface. */
interface Manager extends IWidgetManager {
  _create_comm(target: string, id: string, data: object): Promise<IClassicComm>;
}

interface Message {
  readonly content: { readonly data: Omit<Wire, 'data'> & { readonly model_id: string } };
  readonly buffers: DataView[];
}

/**
 * Ask Python for the arrays of snapshots.
 *
 * @param modelIds - whose, in the order in which they are sent
 * @param take - gets each of them
 * @returns when all have come, or no more come
 */
export async function fetchArrays(
  manager: IWidgetManager,
  modelIds: readonly string[],
  take: (modelId: string, wire: Wire) => void,
): Promise<void> {
  const comm = await (manager as Manager)._create_comm(ARRAYS, uuid(), { model_ids: modelIds });
  return new Promise((resolve) => {
    let patience = window.setTimeout(resolve, PATIENCE);
    comm.on_msg((message) => {
      window.clearTimeout(patience);
      patience = window.setTimeout(resolve, PATIENCE);
      const { content, buffers } = message as unknown as Message;
      const { model_id: modelId, dtype, shape } = content.data;
      take(modelId, { dtype, shape, data: buffers[0] });
    });
    comm.on_close(() => {
      window.clearTimeout(patience);
      resolve();
    });
  });
}
