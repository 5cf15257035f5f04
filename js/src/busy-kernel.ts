import type { Kernel } from '@jupyterlab/services';
import { KernelMessage } from '@jupyterlab/services';

import { ARRAYS } from './data/wire';
import { STATES } from './restored-models';

/** Milliseconds that an idle kernel may take to answer. */
const ANSWER_TIME = 500;

/** What a widget manager asks the kernel to restore widgets. */
const REQUESTS = new Set(['kernel_info_request', 'comm_info_request']);

/**
 * The comms in which it asks for the states of widgets and for arrays; they are closed when these
 * have been told. Those of widgets outlive the subshell, and must not know it: ipykernel (7.4) sends
 * what comes for a comm to the subshell that spoke last in it, and nowhere if that is gone.
 */
const TARGETS = new Set<unknown>([STATES, ARRAYS]);

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
 * cell has ended. Then it is deleted, but not before all of them are answered: what is on its way
 * would be lost. A kernel without subshells does not reply, and nothing changes.
 *
 * @param again - whether the page was connected before
 */
export async function restoreWhileBusy(
  kernel: Kernel.IKernelConnection,
  { again }: { again: boolean } = { again: false },
): Promise<void> {
  const messages = new Messages();
  let release!: () => void;
  const released = new Promise<undefined>((resolve) => {
    release = () => resolve(undefined);
  });
  const { sendShellMessage, requestKernelInfo, requestCommInfo } = kernel;
  kernel.sendShellMessage = (message, ...options) => {
    messages.redirect(message);
    const future = sendShellMessage.call(kernel, message, ...options);
    messages.expectAnswer(message, future.done);
    return future as never;
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
    let cell: Promise<unknown> = again ? askShell() : kernel.info;
    cell.catch(() => undefined); // nobody may have heard of it yet
    if (again) {
      await connected(kernel);
    } else if (await within(ANSWER_TIME, cell)) {
      return;
    }
    const subshell = await makeSubshell(kernel);
    if (subshell !== undefined) {
      messages.redirectTo(subshell);
      cell = again ? cell : askShell();
      const answer = requestKernelInfo.call(kernel);
      release();
      await answer;
      await cell;
      await messages.answered();
      kernel.requestDeleteSubshell({ subshell_id: subshell });
    }
  } catch {
    // the kernel or the page went away: there is nothing to restore
  } finally {
    release();
    Object.assign(kernel, { sendShellMessage, requestKernelInfo, requestCommInfo });
  }
}

/** The messages that restore widgets, on their way to a subshell. */
class Messages {
  /** Let a message go to the subshell, if it is one of these. */
  redirect(message: KernelMessage.IShellMessage): void {
    if (!this.restores(message)) {
      return;
    }
    if (this.subshell === undefined) {
      this.earlier.push(message); // JupyterLab holds it back for seconds: time to redirect it
    } else {
      message.header.subshell_id ??= this.subshell;
    }
  }

  /** Let such messages go to a subshell, those too that JupyterLab holds back. */
  redirectTo(subshell: string): void {
    this.subshell = subshell;
    this.earlier.splice(0).forEach((message) => this.redirect(message));
  }

  /** Remember that a message is not answered yet, if it is one of these. */
  expectAnswer(message: KernelMessage.IShellMessage, answer: Promise<unknown>): void {
    if (this.restores(message)) {
      this.unanswered.push(answer);
    }
  }

  /** Wait until all of these are answered. */
  async answered(): Promise<void> {
    while (this.unanswered.length > 0) {
      await Promise.allSettled(this.unanswered.splice(0));
    }
  }

  private restores({ header, content }: KernelMessage.IShellMessage): boolean {
    const { comm_id: id, target_name: target } = content as Partial<Record<string, string>>;
    if (header.msg_type === 'comm_open' && TARGETS.has(target)) {
      this.comms.add(id ?? '');
    }
    return REQUESTS.has(header.msg_type) || this.comms.has(id ?? '');
  }

  private subshell: string | undefined;
  private readonly comms = new Set<string>();
  private readonly earlier: KernelMessage.IShellMessage[] = [];
  private readonly unanswered: Promise<unknown>[] = [];
}

/**
 * Make a subshell, even if the cell ends meanwhile; undefined if the kernel has none.
 *
 * Whether it has any is told when the cell has ended, if not by the answer.
 */
async function makeSubshell(kernel: Kernel.IKernelConnection): Promise<string | undefined> {
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
    const known = kernel.info.then(() => (kernel.supportsSubshells ? made : undefined));
    const reply = await Promise.race([made, known]);
    return (reply?.content as KernelMessage.ICreateSubshellReplyMsg['content'] | undefined)
      ?.subshell_id;
  } finally {
    // It would get all that the kernel tells, as this connection does. One that JupyterLab is
    // connecting anew, because the kernel restarts, complains when it is disposed of.
    void becomes(another, (status) => status !== 'connecting').then(() => another.dispose());
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
  return becomes(kernel, (status) => status === 'connected');
}

async function becomes(
  kernel: Kernel.IKernelConnection,
  wanted: (status: Kernel.ConnectionStatus) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (wanted(kernel.connectionStatus)) {
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
