/** Words between two presence words: each has a cache line of its own. */
const LINE_WORDS = 16;

/** Where a rank stands. It only goes forward; the codes are the words' values. */
export const Standing = {
  /** Nobody has attached as this rank yet. */
  awaited: 0,
  attached: 1,
  /** Has left in good order: what it published has been handed over, nothing more comes, it releases nothing more. */
  closed: 2,
  /** Has given up, and with it all ranks. */
  aborted: 3,
} as const;

/** One of the values of Standing. */
export type StandingCode = (typeof Standing)[keyof typeof Standing];

/**
 * Who takes part in a collective, a word a rank: so that a rank that leaves is an error at its peers at once, and no deadline.
 * Word r is written by the thread that is rank r; before that, by whoever becomes rank r (a compare-exchange lets one succeed).
 */
export class Presence {
  readonly #words: Int32Array;

  static byteLength(ranks: number): number {
    return ranks * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** words: byteLength(ranks) bytes, zero at first. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Becomes a rank. False when somebody is, or has been, that rank. */
  attach(rank: number): boolean {
    return Atomics.compareExchange(this.#words, rank * LINE_WORDS, Standing.awaited, Standing.attached) === Standing.awaited;
  }

  /** Publishes that rank `rank` leaves, after all counters that it stored. Only rank `rank` may call it. */
  leave(rank: number, standing: typeof Standing.closed | typeof Standing.aborted): void {
    Atomics.store(this.#words, rank * LINE_WORDS, standing);
  }

  /** Acquires, with a rank's standing, all that it stored before it took it. */
  of(rank: number): StandingCode {
    return Atomics.load(this.#words, rank * LINE_WORDS) as StandingCode;
  }

  /** Whether a rank has closed or aborted. */
  hasLeft(rank: number): boolean {
    return this.of(rank) >= Standing.closed;
  }

  /** Whether some rank has given up. */
  isAborted(): boolean {
    for (let word = 0; word < this.#words.length; word += LINE_WORDS) {
      if (Atomics.load(this.#words, word) === Standing.aborted) return true;
    }
    return false;
  }
}
