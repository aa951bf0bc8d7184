import type { Lookup } from "./lookup.js";

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Watches the deadlines of open lookups with one timer, which is set for the earliest and looks at all when it fires. */
export class Deadlines {
  readonly #open = new Set<Lookup>();
  readonly #onLate: (lookup: Lookup) => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAtMs = Number.POSITIVE_INFINITY;

  constructor(onLate: (lookup: Lookup) => void) {
    this.#onLate = onLate;
  }

  /** The lookups that are not settled. */
  get open(): ReadonlySet<Lookup> {
    return this.#open;
  }

  add(lookup: Lookup): void {
    this.#open.add(lookup);
    if (lookup.deadlineMs < this.#firesAtMs) this.#arm(lookup.deadlineMs);
  }

  remove(lookup: Lookup): void {
    this.#open.delete(lookup);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = Number.POSITIVE_INFINITY;
  }

  #arm(deadlineMs: number): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = deadlineMs;
    const waitMs = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(deadlineMs - performance.now())));
    // The ranks' threads keep the process alive while lookups are open; the timer need not.
    this.#timer = setTimeout(() => this.#fire(), waitMs).unref();
  }

  #fire(): void {
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let earliest = Number.POSITIVE_INFINITY;
    for (const lookup of [...this.#open]) {
      if (lookup.deadlineMs <= now) this.#onLate(lookup);
      else earliest = Math.min(earliest, lookup.deadlineMs);
    }
    if (earliest < this.#firesAtMs) this.#arm(earliest);
  }
}
