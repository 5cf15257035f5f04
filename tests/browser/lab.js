// What the tests ask of the application; `jupyterapp` is there because the server was told to expose it.
globalThis.harness = (() => {
  const panel = () => globalThis.jupyterapp?.shell?.currentWidget;
  const kernel = () => panel()?.sessionContext?.session?.kernel;
  const codeCells = () => panel().content.widgets.filter((cell) => cell.model.type === 'code');
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

  const run = (command, args) => jupyterapp.commands.execute(command, args);

  let allRun = true;
  const runAll = () => {
    allRun = false;
    run('notebook:run-all-cells').finally(() => {
      allRun = true;
    });
  };

  // Before its layout is restored, JupyterLab would put away what is opened.
  const opened = (path) =>
    panel()?.context?.path === path &&
    panel().context.isReady &&
    panel().content.widgets.length > 0 &&
    kernel()?.connectionStatus === 'connected';
  const ready = (path) => opened(path) && kernel().status === 'idle';

  const idle = () =>
    allRun &&
    kernel()?.status === 'idle' &&
    codeCells().every((cell) => {
      const state = cell.model.executionState;
      return state === undefined || state === 'idle';
    });

  const restart = () => kernel().restart();

  // A key press is acted on a little later: whether it was is seen by the change of this count.
  let countBefore = null;
  const startedCell = (index) => {
    const { executionCount, executionState } = codeCells()[index].model;
    return executionState === 'running' || executionCount !== countBefore;
  };

  const activate = async (index) => {
    const notebook = panel().content;
    countBefore = codeCells()[index].model.executionCount;
    notebook.activeCellIndex = index;
    notebook.mode = 'edit';
    await notebook.scrollToItem(index);
    notebook.activeCell.editor.focus();
  };

  const execute = async (code) => {
    const future = kernel().requestExecute({ code, store_history: false });
    const answer = { printed: '', error: '' };
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === 'stream' && content.name === 'stdout') answer.printed += content.text;
      if (header.msg_type === 'error') answer.error = content.traceback.join('\n');
    };
    await future.done;
    return answer;
  };

  // bqplot lays out 300 ms after the last change. On a busy machine its timer comes late, but not
  // later than ours: quiet for longer than that in the page's own time means that nothing is due.
  const settle = async (quiet = 350, longest = 5000) => {
    const begin = performance.now();
    let last = begin;
    const observer = new MutationObserver(() => {
      last = performance.now();
    });
    observer.observe(panel().node, { attributes: true, childList: true, subtree: true });
    while (performance.now() - last < quiet && performance.now() - begin < longest) {
      await later(quiet - (performance.now() - last));
    }
    observer.disconnect();
    await frame();
    await frame();
  };

  // The widget manager is private to ipywidgets; a renderer made for the purpose leads to it.
  const manager = () =>
    panel().content.rendermime.createRenderer('application/vnd.jupyter.widget-view+json')._manager
      .promise;

  return {
    run,
    runAll,
    restart,
    startedCell,
    opened,
    ready,
    idle,
    activate,
    execute,
    closeNotebook: () => panel()?.dispose(), // without the question whether to save
    // Before its layout is restored, JupyterLab would put away what is opened.
    restored: async () => { await jupyterapp.restored; },
    outputs: () => codeCells().map((cell) => cell.model.outputs.toJSON()),
    modelCount: async () => (await manager())._modelsSync.size,
    setTheme: async (theme) => {
      await run('apputils:change-theme', { theme });
      while (document.body.dataset.jpThemeName !== theme) await later(20);
    },
    settle,
  };
})();
