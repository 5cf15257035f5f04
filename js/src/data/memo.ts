// Pure: what is made, or done, again only when something that it depends on has changed.

/** The parts that something depended on last. */
export class LastKey {
  /** Take note of a key; whether it is another than last time, or the first one. */
  changed(key: readonly unknown[]): boolean {
    const { last } = this;
    const isSame = last?.length === key.length && key.every((part, i) => part === last[i]);
    this.last = key;
    return !isSame;
  }

  /** Let the memory of the parts go. */
  clear(): void {
    this.last = null;
  }

  private last: readonly unknown[] | null = null;
}

/** A value that is made again only when its key has changed. */
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

  /** Let the memory of the value go. */
  clear(): void {
    this.key.clear();
    this.value = undefined;
  }

  private readonly key = new LastKey();
  private value: T | undefined;
}
