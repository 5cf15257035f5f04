// Pure: values that are computed again only when something that they depend on has changed.

/**
 * The values that something depended on the last time it was computed or drawn. Arrays among them
 * are not kept alive: views that were removed may be kept by others.
 */
export class LastKey {
  /** Remember a key, and tell whether it differs from the last one. The first one always does. */
  changed(key: readonly unknown[]): boolean {
    const { last } = this;
    const isSame = last?.length === key.length && key.every((part, i) => part === held(last[i]));
    this.last = key.map((part) => (part instanceof Object ? new WeakRef(part) : part));
    return !isSame;
  }

  /** Forget the last key, and release what it holds. */
  clear(): void {
    this.last = null;
  }

  private last: readonly unknown[] | null = null;
}

function held(part: unknown): unknown {
  return part instanceof WeakRef ? part.deref() : part;
}

/** A value that is computed again only when its key has changed. */
export class Memo<T> {
  get(key: readonly unknown[], make: () => T): T {
    if (this.key.changed(key)) {
      try {
        this.value = make();
      } catch (error) {
        this.key.clear();
        throw error;
      }
    }
    return this.value as T;
  }

  /** Forget the value, and release its memory. */
  clear(): void {
    this.key.clear();
    this.value = undefined;
  }

  private readonly key = new LastKey();
  private value: T | undefined;
}
