/** 32-bit words of a cache line: every word has a line of its own, so that writers do not disturb each other. */
const LINE_WORDS = 16;

/** The difference a - b of two wrapping counters. Right while they are less than 2^31 apart, and they never are more than lagBound + 2. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Windows that a receiver needs: a power of two, so that a wrapping counter never gives two steps in flight the same window. */
export function windowCount(lagBound: number): number {
  return 2 ** Math.ceil(Math.log2(lagBound + 2));
}

/**
 * The words that all ranks and the caller share.
 *
 *     line                  word                          written by
 *     i * ranks + j         published[i][j]               rank i: steps that i has published to j
 *     ranks^2 + j           released[j]                   rank j: steps whose windows j needs no more
 *     ranks^2 + ranks + r   doorbell[r]                   anyone who changed something r may wait for (add)
 *     then                  requested                     the caller: steps that have been asked for
 *                           doorbell of the caller        any rank (add)
 *                           stopped                       the caller, once: ranks return from their loops
 *                           asleep[r], then the caller's  r: 1 while it may sleep on its doorbell, so that a ring has to wake it
 *                           lagBound                      the caller: the bound in force, at most the one that the windows are laid out for
 *
 * All accesses are sequentially consistent: a store publishes every plain write before it, a load acquires them. The counters
 * wrap at 2^32 and are compared by distance().
 */
export class Counters {
  readonly words: Int32Array;
  readonly ranks: number;
  readonly #released: number;
  readonly #doorbells: number;
  readonly #requested: number;
  readonly #stopped: number;
  readonly #asleep: number;
  readonly #lagBound: number;

  static byteLength(ranks: number): number {
    return (ranks * ranks + 3 * ranks + 5) * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** words: byteLength(ranks) bytes, shared (or not, in a model of the protocol). */
  constructor(words: Int32Array, ranks: number) {
    this.words = words;
    this.ranks = ranks;
    this.#released = ranks * ranks;
    this.#doorbells = this.#released + ranks;
    this.#requested = this.#doorbells + ranks;
    this.#stopped = this.#requested + 2;
    this.#asleep = this.#stopped + 1;
    this.#lagBound = this.#asleep + ranks + 1;
  }

  /** Sets all step counters to `start`; once, before any rank runs. */
  reset(start: number): void {
    for (let line = 0; line < this.#doorbells; line += 1) Atomics.store(this.words, line * LINE_WORDS, start);
    Atomics.store(this.words, this.#requested * LINE_WORDS, start);
  }

  published(source: number, receiver: number): number {
    return Atomics.load(this.words, (source * this.ranks + receiver) * LINE_WORDS);
  }

  /** Publishes, with release order, all that `source` wrote for `receiver` before. Only rank `source` may call it. */
  setPublished(source: number, receiver: number, steps: number): void {
    Atomics.store(this.words, (source * this.ranks + receiver) * LINE_WORDS, steps);
  }

  released(rank: number): number {
    return Atomics.load(this.words, (this.#released + rank) * LINE_WORDS);
  }

  /** Gives windows back, with release order for the slice that was made of them. Only rank `rank` may call it. */
  setReleased(rank: number, steps: number): void {
    Atomics.store(this.words, (this.#released + rank) * LINE_WORDS, steps);
  }

  requested(): number {
    return Atomics.load(this.words, this.#requested * LINE_WORDS);
  }

  /** Publishes the records of the steps before `steps`. Only the caller's thread may call it. */
  setRequested(steps: number): void {
    Atomics.store(this.words, this.#requested * LINE_WORDS, steps);
  }

  stopped(): boolean {
    return Atomics.load(this.words, this.#stopped * LINE_WORDS) !== 0;
  }

  /** Tells every rank to return; rings all bells. */
  stop(): void {
    Atomics.store(this.words, this.#stopped * LINE_WORDS, 1);
    for (let rank = 0; rank <= this.ranks; rank += 1) this.ring(rank);
  }

  /** The lag bound in force. Ranks that read it at different times may work with different ones for a moment: what holds then is the larger. */
  lagBound(): number {
    return Atomics.load(this.words, this.#lagBound * LINE_WORDS);
  }

  /** Sets the lag bound in force and wakes everyone whom it may allow more. Only the caller's thread may call it. */
  setLagBound(lagBound: number): void {
    Atomics.store(this.words, this.#lagBound * LINE_WORDS, lagBound);
    for (let rank = 0; rank < this.ranks; rank += 1) this.ring(rank);
  }

  /** Index into `words` of the doorbell of a rank; rank === ranks is the caller's. */
  doorbellIndex(rank: number): number {
    return (rank === this.ranks ? this.#requested + 1 : this.#doorbells + rank) * LINE_WORDS;
  }

  /**
   * Wakes a rank (or, with rank === ranks, the caller) after the words that it may wait for were changed. The bell first, then the look
   * whether it sleeps; the sleeper does it the other way round (setAsleep, then a wait that compares the bell). So one of the two
   * sees the other, and a wake-up of a rank that is awake, which costs some microseconds, is saved.
   */
  ring(rank: number): void {
    const index = this.doorbellIndex(rank);
    Atomics.add(this.words, index, 1);
    if (Atomics.load(this.words, (this.#asleep + rank) * LINE_WORDS) !== 0) Atomics.notify(this.words, index);
  }

  /** Says that a rank (or the caller) may sleep from now on, or does not. Only its own thread may call it. */
  setAsleep(rank: number, asleep: boolean): void {
    Atomics.store(this.words, (this.#asleep + rank) * LINE_WORDS, asleep ? 1 : 0);
  }
}
