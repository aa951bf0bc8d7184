const FIRST_CAPACITY = 2 ** 14;

/**
 * States found, in the order they were found in: the queue of the search and the way back from a violation. A state is two words,
 * found again through a hash table of positions (open addressing, at most half full, position + 1, 0 is free).
 */
export class States {
  /** States found so far; positions are less. */
  count = 0;
  #low = new Uint32Array(FIRST_CAPACITY);
  #high = new Uint32Array(FIRST_CAPACITY);
  #from = new Uint32Array(FIRST_CAPACITY);
  #by = new Uint8Array(FIRST_CAPACITY);
  #table = new Uint32Array(2 * FIRST_CAPACITY);
  #packedLow = 0;
  #packedHigh = 0;
  readonly #places: { word: 0 | 1; shift: number; mask: number }[] = [];

  constructor(widths: readonly number[]) {
    const used = [0, 0];
    for (const width of widths) {
      // The first word with room: small fields fill what large ones left.
      const word = used[0] + width <= 32 ? 0 : 1;
      this.#places.push({ word, shift: used[word], mask: 2 ** width - 1 });
      used[word] += width;
    }
    if (used[1] > 32) throw new Error(`a state of ${used[0] + used[1]} bits, expected what fits in two words of 32`);
  }

  /** Adds a state unless it is known. from, by: the state it was reached from, and the action. */
  add(state: Uint8Array, from: number, by: number): void {
    if (this.count === this.#low.length) this.#grow();
    this.#pack(state);
    const slot = this.#slot(this.#packedLow, this.#packedHigh);
    if (this.#table[slot] !== 0) return;
    this.#low[this.count] = this.#packedLow;
    this.#high[this.count] = this.#packedHigh;
    this.#from[this.count] = from;
    this.#by[this.count] = by;
    this.count += 1;
    this.#table[slot] = this.count;
  }

  has(state: Uint8Array): boolean {
    this.#pack(state);
    return this.#table[this.#slot(this.#packedLow, this.#packedHigh)] !== 0;
  }

  read(position: number, state: Uint8Array): void {
    for (let field = 0; field < this.#places.length; field += 1) {
      const { word, shift, mask } = this.#places[field];
      state[field] = ((word === 0 ? this.#low[position] : this.#high[position]) >>> shift) & mask;
    }
  }

  /** Positions from the first state to this one, each with the action that led there. */
  way(position: number): { position: number; action: number }[] {
    const way = [];
    for (let at = position; at > 0; at = this.#from[at]) way.push({ position: at, action: this.#by[at] });
    return way.reverse();
  }

  #pack(state: Uint8Array): void {
    let low = 0;
    let high = 0;
    for (let field = 0; field < this.#places.length; field += 1) {
      const { word, shift, mask } = this.#places[field];
      if (state[field] > mask) throw new Error(`field ${field} of a state: got ${state[field]}, expected at most ${mask}`);
      if (word === 0) low |= state[field] << shift;
      else high |= state[field] << shift;
    }
    this.#packedLow = low >>> 0;
    this.#packedHigh = high >>> 0;
  }

  #slot(low: number, high: number): number {
    const mask = this.#table.length - 1;
    let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const position = this.#table[slot];
      if (position === 0 || (this.#low[position - 1] === low && this.#high[position - 1] === high)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const wider = <A extends Uint32Array | Uint8Array>(array: A, into: A): A => {
      into.set(array);
      return into;
    };
    const capacity = 2 * this.#low.length;
    this.#low = wider(this.#low, new Uint32Array(capacity));
    this.#high = wider(this.#high, new Uint32Array(capacity));
    this.#from = wider(this.#from, new Uint32Array(capacity));
    this.#by = wider(this.#by, new Uint8Array(capacity));
    this.#table = new Uint32Array(2 * capacity);
    for (let position = 0; position < this.count; position += 1)
      this.#table[this.#slot(this.#low[position], this.#high[position])] = position + 1;
  }
}
