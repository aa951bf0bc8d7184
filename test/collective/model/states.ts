const FIRST_CAPACITY = 2 ** 14;
const WORD_BITS = 32;

/**
 * States found, in the order they were found in: the queue of the search and the way back from a violation. A state is packed into a few words,
 * found again through a hash table of positions (open addressing, at most half full, position + 1, 0 is free).
 */
export class States {
  /** States found so far; positions are less. */
  count = 0;
  /** Words of a state. */
  readonly #stride: number;
  #packed: Uint32Array;
  #from = new Uint32Array(FIRST_CAPACITY);
  #by = new Uint8Array(FIRST_CAPACITY);
  #table = new Uint32Array(2 * FIRST_CAPACITY);
  /** The state that pack() has packed. */
  readonly #one: Uint32Array;
  readonly #places: { word: number; shift: number; mask: number }[] = [];

  constructor(widths: readonly number[]) {
    const used = [0];
    for (const width of widths) {
      // The first word with room: small fields fill what large ones left.
      let word = used.findIndex((bits) => bits + width <= WORD_BITS);
      if (word < 0) word = used.push(0) - 1;
      this.#places.push({ word, shift: used[word], mask: 2 ** width - 1 });
      used[word] += width;
    }
    this.#stride = used.length;
    this.#packed = new Uint32Array(FIRST_CAPACITY * this.#stride);
    this.#one = new Uint32Array(this.#stride);
  }

  /** Adds a state unless it is known. from, by: the state it was reached from, and the action. */
  add(state: Uint8Array, from: number, by: number): void {
    if (this.count === this.#from.length) this.#grow();
    this.#pack(state);
    const slot = this.#slot(this.#one, 0);
    if (this.#table[slot] !== 0) return;
    // Not set(): a loop over so few words is faster.
    for (let word = 0; word < this.#stride; word += 1) this.#packed[this.count * this.#stride + word] = this.#one[word];
    this.#from[this.count] = from;
    this.#by[this.count] = by;
    this.count += 1;
    this.#table[slot] = this.count;
  }

  has(state: Uint8Array): boolean {
    this.#pack(state);
    return this.#table[this.#slot(this.#one, 0)] !== 0;
  }

  read(position: number, state: Uint8Array): void {
    for (let field = 0; field < this.#places.length; field += 1) {
      const { word, shift, mask } = this.#places[field];
      state[field] = (this.#packed[position * this.#stride + word] >>> shift) & mask;
    }
  }

  /** Positions from the first state to this one, each with the action that led there. */
  way(position: number): { position: number; action: number }[] {
    const way = [];
    for (let at = position; at > 0; at = this.#from[at]) way.push({ position: at, action: this.#by[at] });
    return way.reverse();
  }

  #pack(state: Uint8Array): void {
    this.#one.fill(0);
    for (let field = 0; field < this.#places.length; field += 1) {
      const { word, shift, mask } = this.#places[field];
      if (state[field] > mask) throw new Error(`field ${field} of a state: got ${state[field]}, expected at most ${mask}`);
      this.#one[word] |= state[field] << shift;
    }
  }

  /** The slot of the table where the state at words[at ..] is, or is to be. */
  #slot(words: Uint32Array, at: number): number {
    const stride = this.#stride;
    const mask = this.#table.length - 1;
    let hash = 0;
    for (let word = 0; word < stride; word += 1) {
      hash = Math.imul(hash ^ words[at + word], 0x9e3779b1);
      hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
      hash ^= hash >>> 13;
    }
    let slot = hash & mask;
    for (;;) {
      const position = this.#table[slot];
      if (position === 0) return slot;
      let same = true;
      for (let word = 0; same && word < stride; word += 1) same = this.#packed[(position - 1) * stride + word] === words[at + word];
      if (same) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const wider = <A extends Uint32Array | Uint8Array>(array: A, into: A): A => {
      into.set(array);
      return into;
    };
    const capacity = 2 * this.#from.length;
    this.#packed = wider(this.#packed, new Uint32Array(capacity * this.#stride));
    this.#from = wider(this.#from, new Uint32Array(capacity));
    this.#by = wider(this.#by, new Uint8Array(capacity));
    this.#table = new Uint32Array(2 * capacity);
    for (let position = 0; position < this.count; position += 1)
      this.#table[this.#slot(this.#packed, position * this.#stride)] = position + 1;
  }
}
