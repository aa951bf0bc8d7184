import { availableParallelism } from "node:os";
import type { Counters } from "./counters.js";

/** Looks at a doorbell before its waiter sleeps, where every rank may have a core of its own: about what it costs to sleep and be woken. */
const SPINS = 2000;

/** Looks at the doorbell that pay for a rank: few where ranks share cores, for who spins keeps the one from running that would ring. */
export function spinsFor(ranks: number): number {
  return ranks < availableParallelism() ? SPINS : SPINS / 20;
}

/**
 * A rank's (or the caller's) wait on its doorbell. The way to wait without losing a wake-up:
 *
 *     seen = bell.read();  look at everything once more;  nothing to do ? bell.wait(seen, ...) : go on
 *
 * One thread waits on a Doorbell. At most one asynchronous waiter is registered at a time, so waits that were overtaken leave
 * nothing behind.
 */
export class Doorbell {
  readonly #counters: Counters;
  readonly #rank: number;
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #spins: number;
  #asleep = false;
  #waiting: Promise<unknown> | undefined;

  constructor(counters: Counters, rank: number, spins: number) {
    this.#counters = counters;
    this.#rank = rank;
    this.#words = counters.words;
    this.#index = counters.doorbellIndex(rank);
    this.#spins = spins;
  }

  /** The bell as it stands; also says that this thread is awake, unless another of its waits is under way. */
  read(): number {
    if (this.#asleep && this.#waiting === undefined) this.#setAsleep(false);
    return Atomics.load(this.#words, this.#index);
  }

  /** Looks a while whether the bell rings. True when it rang after `seen` was read. */
  spin(seen: number): boolean {
    for (let n = this.#spins; n > 0; n -= 1) {
      if (Atomics.load(this.#words, this.#index) !== seen) return true;
    }
    return false;
  }

  /** Blocks the thread until the bell rings, at most timeoutMs. */
  waitBlocking(seen: number, timeoutMs: number): void {
    this.#setAsleep(true);
    Atomics.wait(this.#words, this.#index, seen, timeoutMs);
  }

  /** As waitBlocking, but the event loop goes on. May resolve early; never later than the longest timeoutMs that is under way. */
  async waitAsync(seen: number, timeoutMs: number): Promise<void> {
    this.#setAsleep(true);
    if (this.#waiting === undefined) {
      const wait = Atomics.waitAsync(this.#words, this.#index, seen, timeoutMs);
      if (!wait.async) return;
      this.#waiting = wait.value.finally(() => {
        this.#waiting = undefined;
      });
    } else if (Atomics.load(this.#words, this.#index) !== seen) {
      // The waiter of before was registered with an older value: a ring since then may have found nobody asleep.
      return;
    }
    await this.#waiting;
  }

  #setAsleep(asleep: boolean): void {
    if (asleep === this.#asleep) return;
    this.#asleep = asleep;
    this.#counters.setAsleep(this.#rank, asleep);
  }
}
