import type { Kernel } from '@jupyterlab/services';
import { KernelMessage } from '@jupyterlab/services';

/** Milliseconds that an idle kernel may take to answer. */
const ANSWER_TIME = 500;

/** The messages that a widget manager sends to restore widgets. */
const WIDGET_MESSAGES = new Set([
  'kernel_info_request',
  'comm_info_request',
  'comm_open',
  'comm_msg',
  'comm_close',
]);

/**
 * Let the widgets of a page be restored at once when it is loaded, and when its connection is back:
 * meanwhile it has missed snapshots.
 */
export function restoreOnConnection(kernel: Kernel.IKernelConnection): void {
  let isRestoring = false;
  const restore = async (again: boolean): Promise<void> => {
    isRestoring = true;
    await restoreWhileBusy(kernel, { again });
    isRestoring = false;
  };
  void restore(false);
  kernel.connectionStatusChanged.connect((_sender, status) => {
    if (status === 'connecting' && !isRestoring && kernel.supportsSubshells) {
      void restore(true);
    }
  });
}

/**
 * Let the widgets of a page that is connected while a cell runs be restored at once.
 *
 * A kernel with subshells answers messages of widgets meanwhile, but tells that it has subshells
 * only in a reply that waits for the cell; so JupyterLab sends what restores widgets behind the cell
 * too. Here a subshell is asked for over the control channel, and such messages go there until the
 * cell has ended. A kernel without subshells does not reply, and nothing changes.
 *
 * @param again - whether the page was connected before
 */
export async function restoreWhileBusy(
  kernel: Kernel.IKernelConnection,
  { again }: { again: boolean } = { again: false },
): Promise<void> {
  const earlier: KernelMessage.IShellMessage[] = [];
  let subshell: string | undefined;
  let release!: () => void;
  const released = new Promise<undefined>((resolve) => {
    release = () => resolve(undefined);
  });
  const { sendShellMessage, requestKernelInfo, requestCommInfo } = kernel;
  kernel.sendShellMessage = (message, ...options) => {
    if (subshell !== undefined) {
      redirect(message, subshell);
    } else {
      earlier.push(message); // JupyterLab holds it back for seconds: time to redirect it
    }
    return sendShellMessage.call(kernel, message, ...options) as never;
  };
  // JupyterLab holds messages back until this is answered, three seconds at most. Of the four that
  // ipywidgets waits for all states, one would be left.
  kernel.requestKernelInfo = async () => Promise.race([requestKernelInfo.call(kernel), released]);
  // What ipywidgets asks when these four seconds are over, where making the subshell took longer.
  kernel.requestCommInfo = async (...options) => {
    await Promise.race([kernel.info, released]);
    return requestCommInfo.call(kernel, ...options);
  };
  // in the shell itself, so that the answer comes when the cell has ended
  const askShell = async (): Promise<unknown> =>
    sendShellMessage.call(kernel, kernelInfoRequest(kernel), true).done;
  try {
    // A message that waits for the connection makes JupyterLab hold back those behind it too.
    let answered: Promise<unknown> = again ? askShell() : kernel.info;
    answered.catch(() => undefined); // nobody may have heard of it yet
    if (again) {
      await connected(kernel);
    } else if (await within(ANSWER_TIME, answered)) {
      return;
    }
    subshell = await makeSubshell(kernel, answered);
    if (subshell !== undefined) {
      for (const message of earlier) {
        redirect(message, subshell);
      }
      answered = again ? answered : askShell();
      const told = requestKernelInfo.call(kernel);
      release();
      await told;
      await answered;
      await requestKernelInfo.call(kernel); // when the subshell has done what was before it
      kernel.requestDeleteSubshell({ subshell_id: subshell });
    }
  } catch {
    // the kernel or the page went away: there is nothing to restore
  } finally {
    release();
    Object.assign(kernel, { sendShellMessage, requestKernelInfo, requestCommInfo });
  }
}

/** Let a message go to a subshell, if it is one of widgets and not meant for another subshell. */
function redirect(message: KernelMessage.IShellMessage, subshell: string): void {
  if (WIDGET_MESSAGES.has(message.header.msg_type)) {
    message.header.subshell_id ??= subshell;
  }
}

/** Make a subshell; undefined if the shell has `answered` before there is one. */
async function makeSubshell(
  kernel: Kernel.IKernelConnection,
  answered: Promise<unknown>,
): Promise<string | undefined> {
  const another = kernel.clone(); // on a new connection no earlier message waits for the cell
  try {
    const request = KernelMessage.createMessage<KernelMessage.ICreateSubshellRequestMsg>({
      msgType: 'create_subshell_request',
      channel: 'control',
      username: another.username,
      session: another.clientId,
      content: {},
    });
    await connected(another);
    // JupyterLab's own method for it refuses, because it does not know yet whether there are any.
    const made = another.sendControlMessage(request, true).done;
    const reply = await Promise.race([made, answered.then(() => undefined)]);
    return (reply?.content as KernelMessage.ICreateSubshellReplyMsg['content'] | undefined)
      ?.subshell_id;
  } finally {
    another.dispose(); // it would get all that the kernel tells, as this connection does
  }
}

function kernelInfoRequest(kernel: Kernel.IKernelConnection): KernelMessage.IInfoRequestMsg {
  return KernelMessage.createMessage<KernelMessage.IInfoRequestMsg>({
    msgType: 'kernel_info_request',
    channel: 'shell',
    username: kernel.username,
    session: kernel.clientId,
    content: {},
  });
}

async function connected(kernel: Kernel.IKernelConnection): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (kernel.connectionStatus === 'connected') {
        kernel.connectionStatusChanged.disconnect(look);
        resolve();
      }
    };
    kernel.connectionStatusChanged.connect(look);
    look();
  });
}

async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), ms);
    }),
  ]);
}
