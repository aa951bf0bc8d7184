import type { EmbeddingError } from "../errors.js";
import { optionError } from "./area.js";
import type { Doorbell } from "./doorbell.js";

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A rank whose waits are over at once all the time lets its event loop run this often: console output and timers would starve otherwise. */
const YIELD_EVERY_MS = 20;

/** Milliseconds that a wait takes at most when nothing else is said. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** Options of a call that may wait. */
export interface WaitOptions {
  /** Milliseconds after which the call fails with EMBEDDING_TIMEOUT, at least 0 (look once) or Infinity; default 30,000. */
  timeoutMs?: number;
}

/** Milliseconds that a call may wait. */
export function timeoutOf(options: WaitOptions): number {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 0))
    throw optionError("timeoutMs", timeoutMs, "a number of milliseconds, at least 0, or Infinity");
  return timeoutMs;
}

/** What a rank waits for. */
export interface Wish {
  /** Looks whether it is there, after the doorbell was read. Throws when it never will be. */
  isGranted(): boolean;
  /** The error of a deadline that has passed. */
  late(waitedMs: number, timeoutMs: number): EmbeddingError;
}

/**
 * The waits of one rank on its doorbell, each with a deadline. Any number may be under way asynchronously; all look again when
 * the bell rings.
 */
export class Waits {
  readonly #bell: Doorbell;
  #lastYieldMs = performance.now();

  constructor(bell: Doorbell) {
    this.#bell = bell;
  }

  /** Blocks the thread until the wish is granted. timeoutMs: 0 looks once; Infinity is allowed. */
  blocking(wish: Wish, timeoutMs: number): void {
    const startMs = performance.now();
    for (;;) {
      // The bell is read before everything is looked at, so a change that the look misses ends the wait below at once.
      const seen = this.#bell.read();
      if (wish.isGranted()) return;
      const waitedMs = performance.now() - startMs;
      if (waitedMs >= timeoutMs) throw wish.late(waitedMs, timeoutMs);
      if (!this.#bell.spin(seen)) this.#bell.waitBlocking(seen, timeoutMs - waitedMs);
    }
  }

  /** As blocking, but the event loop goes on, and the process stays alive. */
  async async(wish: Wish, timeoutMs: number): Promise<void> {
    const startMs = performance.now();
    if (startMs - this.#lastYieldMs > YIELD_EVERY_MS) await this.#yield();
    for (;;) {
      const seen = this.#bell.read();
      if (wish.isGranted()) return;
      const waitedMs = performance.now() - startMs;
      if (waitedMs >= timeoutMs) throw wish.late(waitedMs, timeoutMs);
      if (!this.#bell.spin(seen)) await this.#sleep(seen, timeoutMs - waitedMs);
    }
  }

  /** Until the bell rings, at most ms. The timer is what keeps the process alive: Atomics.waitAsync does not. */
  async #sleep(seen: number, ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(MAX_TIMER_MS, Math.ceil(ms)));
    });
    await Promise.race([this.#bell.waitAsync(seen, ms), late]);
    clearTimeout(timer);
    this.#lastYieldMs = performance.now();
  }

  async #yield(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastYieldMs = performance.now();
  }
}
