const LINE_WORDS = 16;
const LEFT_BITS = 8;

/** Units that a step may be cut into on a rank: what fits the bits of an offer. */
export const MOST_UNITS = 2 ** LEFT_BITS - 1;
/** Steps of a rank that may be open at a time, a power of two: the newest has units left, of older ones some are still being done. */
export const OPEN_STEPS = 4;

/** Units that an offer has left. */
export function leftOf(offer: number): number {
  return offer & MOST_UNITS;
}

/** The low 24 bits of an offer's step, sign-extended: enough to find the step's slot of any ring. */
export function stepOf(offer: number): number {
  return offer >> LEFT_BITS;
}

/** The slot of a step among a rank's open ones. */
export function openSlot(step: number): number {
  return step & (OPEN_STEPS - 1);
}

/**
 * The words by which a rank lets others do units of the steps that it writes.
 *
 *     line                 word             written by
 *     2 r                  offer[r]         rank r opens it (store); then whoever takes a unit counts it down (compare and exchange)
 *     2 r + 1, word s      undone[r][s]     rank r sets it when it opens a step of slot s (store); then whoever has done a unit counts it down (sub)
 *
 *     offer                bits 31..8  the step        bits 7..0  units left; unit n - 1 is taken next
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

  /**
   * Offers the units of a step, with release order for the records that say what they are. Only rank `owner` may call it, when its last offer has
   * none left and the step of before in this slot has none undone.
   */
  open(owner: number, step: number, units: number): void {
    Atomics.store(this.#words, undoneIndex(owner, step), units);
    Atomics.store(this.#words, offerIndex(owner), this.offerOf(step, units));
  }

  look(owner: number): number {
    return Atomics.load(this.#words, offerIndex(owner));
  }

  /** Takes a unit of an offer that look() gave and that has some left: its number, or -1 when the offer has changed since. Acquires the units' records. */
  take(owner: number, offer: number): number {
    const seen = Atomics.compareExchange(this.#words, offerIndex(owner), offer, offer - 1);
    return seen === offer ? leftOf(offer) - 1 : -1;
  }

  /** A unit that was taken is done: publishes to the owner all that was written for it. True: it was the last of its step. */
  handIn(owner: number, step: number): boolean {
    return Atomics.sub(this.#words, undoneIndex(owner, step), 1) === 1;
  }

  protected offerOf(step: number, units: number): number {
    return (step << LEFT_BITS) | units;
  }

  /** Units of an open step that are left or being done. 0 acquires all that was written for it. */
  undone(owner: number, step: number): number {
    return Atomics.load(this.#words, undoneIndex(owner, step));
  }
}

function offerIndex(owner: number): number {
  return 2 * owner * LINE_WORDS;
}

function undoneIndex(owner: number, step: number): number {
  return (2 * owner + 1) * LINE_WORDS + openSlot(step);
}
