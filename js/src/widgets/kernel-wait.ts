/** Milliseconds within which an idle kernel answers. */
const PATIENCE = 500;

/** Controls that act through Python. */
const KERNEL = '.rnngrad-kernel';

/**
 * What is said while Python computes, while it is busy with something else, and when it is gone.
 * Dropdowns say what is displayed: where no answer comes any more, the choice is taken back.
 */
export class KernelWait {
  /** Where it is said. */
  readonly line = document.createElement('div');

  /**
   * @param root - the explorer, which gets the class `rnngrad-busy` meanwhile
   * @param signal - ends it
   */
  constructor(
    private readonly root: HTMLElement,
    signal: AbortSignal,
  ) {
    this.line.className = 'rnngrad-progress';
    this.line.setAttribute('role', 'status');
    for (const event of ['change', 'click']) {
      root.addEventListener(event, ({ target }) => this.used(event, target as Element), { signal });
    }
    for (const event of ['focusin', 'pointerdown', 'keydown']) {
      // before a choice can change
      root.addEventListener(event, () => this.remember(), { capture: true, signal });
    }
    signal.addEventListener('abort', () => this.show('', ''));
  }

  /** Say what Python computes; nothing when it has ended. */
  computes(what: string): void {
    this.show(what, 'the first call traces the model, later ones are fast');
    if (what === '') {
      // when the dropdowns have heard what is displayed now
      window.setTimeout(() => this.remember());
    }
  }

  /** Let the controls that act through Python rest, or act, as there is a kernel or not. */
  connected(isConnected: boolean): void {
    if (!isConnected) {
      this.show('', '');
      for (const [select, index] of this.displayed) {
        select.selectedIndex = index;
      }
    }
    for (const control of this.root.querySelectorAll(`${KERNEL} select, button${KERNEL}`)) {
      (control as HTMLSelectElement | HTMLButtonElement).disabled = !isConnected;
    }
  }

  /** After a control that acts through Python was used: say so if the kernel does not answer. */
  private used(event: string, target: Element): void {
    // of texts nobody knows whether Python is told: they may be as before
    const acts =
      event === 'change' ? target.tagName === 'SELECT' : target.closest('button') !== null;
    const isOurs = target.closest('.rnngrad-explorer') === this.root; // not of one that is in it
    if (acts && isOurs && target.closest(KERNEL) !== null) {
      window.clearTimeout(this.patience);
      this.patience = window.setTimeout(() => {
        this.show('Waiting for the kernel…', 'what is shown is the old one');
      }, PATIENCE);
    }
  }

  private remember(): void {
    if (this.patience === 0 && this.clock === 0) {
      for (const select of this.root.querySelectorAll<HTMLSelectElement>(`${KERNEL} select`)) {
        this.displayed.set(select, select.selectedIndex);
      }
    }
  }

  /** Show a message, a moving line, the seconds, pale controls. The old data stays. */
  private show(message: string, more: string): void {
    window.clearTimeout(this.patience);
    window.clearInterval(this.clock);
    this.patience = this.clock = 0;
    this.root.classList.toggle('rnngrad-busy', message !== '');
    if (message === '') {
      this.line.textContent = '';
      return;
    }
    const started = Date.now();
    const headline = document.createElement('b');
    headline.textContent = message;
    const update = (): void => {
      const seconds = Math.floor((Date.now() - started) / 1000);
      this.line.replaceChildren(headline, ` ${seconds} s · ${more}`);
    };
    update();
    this.clock = window.setInterval(update, 1000);
  }

  /** The choice that each dropdown had when nothing was waited for. */
  private readonly displayed = new Map<HTMLSelectElement, number>();
  private clock = 0;
  private patience = 0;
}
