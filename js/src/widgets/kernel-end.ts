/** What is used of the widget manager of a notebook. */
interface Manager {
  readonly kernel?: Kernel | null;
  disconnect(): void;
}

/** A connection to a kernel, in JupyterLab; other applications may have less of it. */
interface Kernel {
  readonly disposed?: { connect(slot: () => void): boolean };
}

const watched = new WeakSet<Kernel>();

/**
 * Tell the models of a notebook when their kernel is gone for good: it was shut down, died too often,
 * or the server was started anew. ipywidgets (8.1) tells them only of a kernel that is restarted.
 */
export function watchKernel(manager: unknown): void {
  const { kernel } = manager as Manager;
  if (kernel && !watched.has(kernel)) {
    watched.add(kernel);
    kernel.disposed?.connect(() => (manager as Manager).disconnect());
  }
}
