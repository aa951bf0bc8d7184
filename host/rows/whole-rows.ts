/** Cuts a stream of chunks, which may start and end within a row, into whole rows. Holds at most one row. */
export class WholeRows<T extends Float32Array | Uint8Array> {
  readonly #rowLength: number;
  /** The row that the last chunk began, as far as it came. */
  readonly #begun: T;
  readonly #take: (rows: T, firstRow: number, count: number) => void;
  #begunLength = 0;
  #row = 0;

  /** begun: room for one row. take: is shown whole rows, one behind the other, which are valid during the call. */
  constructor(begun: T, take: (rows: T, firstRow: number, count: number) => void) {
    this.#rowLength = begun.length;
    this.#begun = begun;
    this.#take = take;
  }

  push(chunk: T): void {
    let at = 0;
    if (this.#begunLength > 0) {
      at = Math.min(chunk.length, this.#rowLength - this.#begunLength);
      this.#keep(chunk.subarray(0, at));
      if (this.#begunLength < this.#rowLength) return;
      this.#give(this.#begun, 1);
      this.#begunLength = 0;
    }
    const whole = Math.floor((chunk.length - at) / this.#rowLength);
    const end = at + whole * this.#rowLength;
    if (whole > 0) this.#give(chunk.subarray(at, end) as T, whole);
    this.#keep(chunk.subarray(end));
  }

  #keep(part: ArrayLike<number>): void {
    this.#begun.set(part, this.#begunLength);
    this.#begunLength += part.length;
  }

  #give(rows: T, count: number): void {
    this.#take(rows, this.#row, count);
    this.#row += count;
  }
}
