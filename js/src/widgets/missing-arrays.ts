import type { Wire } from '../data/wire';
import type { SnapshotModel } from './snapshot';

/** How many arrays are asked for at once: few, so that one that is chosen meanwhile comes soon. */
const AT_ONCE = 8;

/** Gets the arrays that the snapshots of a page lack that was loaded again. */
export class MissingArrays {
  /**
   * @param fetch - asks for the arrays of snapshots by their ids, and hands over each
   * @param wanted - the snapshots whose arrays are needed, the most urgent first
   * @param filled - gets each snapshot that has its array now
   */
  constructor(
    private readonly fetch: (
      ids: readonly string[],
      take: (id: string, wire: Wire) => void,
    ) => Promise<void>,
    private readonly wanted: () => readonly SnapshotModel[],
    private readonly filled: (snapshot: SnapshotModel) => void,
  ) {}

  /** Get them, as long as some come. */
  async load(): Promise<void> {
    if (this.isLoading) {
      return;
    }
    this.isLoading = true;
    await Promise.resolve(); // those that are restored at the same moment join first
    try {
      let left = Infinity;
      for (let wanted = this.wanted(); wanted.length < left; wanted = this.wanted()) {
        left = wanted.length;
        if (left > 0) {
          await this.fill(wanted.slice(0, AT_ONCE));
        }
      }
    } catch {
      // the kernel went away
    } finally {
      this.isLoading = false;
    }
  }

  private async fill(snapshots: readonly SnapshotModel[]): Promise<void> {
    const byId = new Map(snapshots.map((snapshot) => [snapshot.model_id, snapshot]));
    await this.fetch([...byId.keys()], (id, wire) => {
      const snapshot = byId.get(id);
      if (snapshot !== undefined && this.wanted().includes(snapshot)) {
        snapshot.fill(wire);
        this.filled(snapshot);
      }
    });
  }

  private isLoading = false;
}
