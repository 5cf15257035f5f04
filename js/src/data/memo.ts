/** A value that is made again only when something that it depends on has changed. */
export class Kept<T> {
  get(key: readonly unknown[], make: () => T): T {
    if (this.held === null || key.some((part, i) => part !== this.held?.key[i])) {
      this.held = { key, value: make() };
    }
    return this.held.value;
  }

  /** Let the memory go. */
  clear(): void {
    this.held = null;
  }

  private held: { readonly key: readonly unknown[]; readonly value: T } | null = null;
}
