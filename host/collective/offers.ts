const LINE_WORDS = 16;
const LEFT_BITS = 8;

/** Units that a step may be cut into on a rank: what fits the bits of an offer. */
export const MOST_UNITS = 2 ** LEFT_BITS - 1;

/** Units that an offer has left. */
export function leftOf(offer: number): number {
  return offer & MOST_UNITS;
}

/** The low 24 bits of an offer's step, sign-extended: enough to find the step's slot of the ring. */
export function stepOf(offer: number): number {
  return offer >> LEFT_BITS;
}

/**
 * The words by which a rank lets others do units of the step that it writes.
 *
 *     line       word            written by
 *     2 r        offer[r]        rank r opens it (store); then whoever takes a unit counts it down (compare and exchange)
 *     2 r + 1    handedIn[r]     units of rank r that others have done, ever (add)
 *
 *     offer      bits 31..8  the step        bits 7..0  units left; unit n - 1 is taken next
 *
 * The step in the offer tells a thread that fell asleep between its look and its exchange that the unit it meant is gone. 24 bits of it are
 * plenty: the rank that sleeps releases nothing meanwhile, so nobody gets more than lagBound + 1 steps (at most 1023) further.
 */
export class Offers {
  readonly #words: Int32Array;

  static byteLength(ranks: number): number {
    return 2 * ranks * LINE_WORDS * Int32Array.BYTES_PER_ELEMENT;
  }

  /** words: byteLength(ranks) bytes, zeros, shared (or not, in a model of the protocol). */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** Offers the units of a step, with release order for the records that say what they are. Only rank `owner` may call it, when no unit is left or being done. */
  open(owner: number, step: number, units: number): void {
    Atomics.store(this.#words, 2 * owner * LINE_WORDS, (step << LEFT_BITS) | units);
  }

  look(owner: number): number {
    return Atomics.load(this.#words, 2 * owner * LINE_WORDS);
  }

  /** Takes a unit of an offer that look() gave and that has some left: its number, or -1 when the offer has changed since. Acquires the units' records. */
  take(owner: number, offer: number): number {
    const seen = Atomics.compareExchange(this.#words, 2 * owner * LINE_WORDS, offer, offer - 1);
    return seen === offer ? leftOf(offer) - 1 : -1;
  }

  /** Says that a unit of rank `owner` is done: publishes to it all that was written for it. By any rank but `owner`. */
  handIn(owner: number): void {
    Atomics.add(this.#words, (2 * owner + 1) * LINE_WORDS, 1);
  }

  /** Acquires what was written for the units that are counted. */
  handedIn(owner: number): number {
    return Atomics.load(this.#words, (2 * owner + 1) * LINE_WORDS);
  }
}
