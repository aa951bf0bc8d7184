import { partSeed, seededRandom } from "../random.js";

/** Bytes at a message's start that tell its step, little-endian. */
const STEP_BYTES = 4;

/** The messages of one rank: what it sends to each rank, and what it expects of each. Alike in all steps but for the step's number. */
export class Messages {
  readonly #sent: Uint8Array[];
  readonly #expected: Uint8Array[];
  readonly #rank: number;

  constructor({ rank, ranks, bytes, seed }: { rank: number; ranks: number; bytes: number; seed: number }) {
    const message = (source: number, receiver: number): Uint8Array => {
      const random = seededRandom(partSeed(seed, source * ranks + receiver));
      return Uint8Array.from({ length: bytes }, () => random() * 256);
    };
    this.#rank = rank;
    this.#sent = Array.from({ length: ranks }, (_, receiver) => message(rank, receiver));
    this.#expected = Array.from({ length: ranks }, (_, source) => message(source, rank));
  }

  /** Writes the message of a step to a receiver. Returns its bytes. */
  write(segment: Uint8Array, step: number, receiver: number): number {
    const message = this.#sent[receiver];
    segment.set(message);
    for (let n = 0; n < STEP_BYTES; n += 1) segment[n] = step >>> (8 * n);
    return message.length;
  }

  /**
   * Checks a message that came: its length, its step and its last byte, or, when `all` is set, every byte.
   * @throws an Error that says what was got
   */
  check(segment: Uint8Array, { step, source, all }: { step: number; source: number; all: boolean }): void {
    const expected = this.#expected[source];
    const where = `rank ${this.#rank}, step ${step}, message of rank ${source}`;
    if (segment.length !== expected.length) throw new Error(`${where}: got ${segment.length} bytes, expected ${expected.length}`);
    for (let n = 0; n < STEP_BYTES; n += 1) {
      if (segment[n] !== ((step >>> (8 * n)) & 0xff)) throw new Error(`${where}: it is another step's`);
    }
    const last = expected.length - 1;
    if (segment[last] !== expected[last]) throw new Error(`${where}: got ${segment[last]} as its last byte, expected ${expected[last]}`);
    if (!all) return;
    for (let n = STEP_BYTES; n < last; n += 1) {
      if (segment[n] !== expected[n]) throw new Error(`${where}, byte ${n}: got ${segment[n]}, expected ${expected[n]}`);
    }
  }
}
