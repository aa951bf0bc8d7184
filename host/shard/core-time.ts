import { openSync, readSync } from "node:fs";

const PATH = "/proc/thread-self/schedstat";
const MOST_BYTES = 128;
const NS_PER_MS = 1e6;

/**
 * How long the calling thread has run on a core, and how long it has been runnable without getting one. Linux tells; elsewhere `read`
 * gives undefined. A thread that waits for a core much of its time is starved: no lag bound helps it.
 */
export class CoreTime {
  readonly #file: number | undefined;
  readonly #bytes = Buffer.alloc(MOST_BYTES);

  constructor() {
    try {
      this.#file = openSync(PATH, "r");
    } catch {
      this.#file = undefined; // no Linux, or /proc is not mounted
    }
  }

  /** Milliseconds since the thread started. Some 10 us. */
  read(): { coreMs: number; waitForCoreMs: number } | undefined {
    if (this.#file === undefined) return undefined;
    try {
      const count = readSync(this.#file, this.#bytes, 0, MOST_BYTES, 0);
      const [coreNs, waitNs] = this.#bytes.toString("latin1", 0, count).split(" ").map(Number);
      return { coreMs: coreNs / NS_PER_MS, waitForCoreMs: waitNs / NS_PER_MS };
    } catch {
      return undefined; // a kernel without scheduler statistics
    }
  }
}
