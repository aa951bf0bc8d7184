import { type JsonHandler, JsonScanner } from "./json-scanner.js";

// The file is one object:
//   {"precision":8, ..., "size":341479,"dimensions":100,"words":["the",...],
//    "vectors":{"the":[100 floats, their L2 norm, the word's place in "words"], ...},"unkVector":[...]}
const SIZE_KEY = "size";
const DIM_KEY = "dimensions";
const VECTORS_KEY = "vectors";
const FIELD_DEPTH = 1;
const WORD_DEPTH = 2;
const FLOAT_DEPTH = 3;

/**
 * Reads the word vectors of wink-embeddings as they stream by: `open` reads up to where the table's shape is known,
 * `rows` gives the rest. A word's row is its place in the file.
 */
export class WordVectors implements JsonHandler {
  numRows = 0;
  dim = 0;
  /** Word to row; complete when `rows` has ended. */
  readonly rowOfWord = new Map<string, number>();
  /** All rows. The engine takes its own copy and needs none of this: it is kept for the reference. */
  values = new Float32Array(0);

  readonly #scanner = new JsonScanner(this);
  readonly #chunks: AsyncIterator<Uint8Array>;
  #field = "";
  #column = 0;
  #valueCount = 0;

  private constructor(json: AsyncIterable<Uint8Array>) {
    this.#chunks = json[Symbol.asyncIterator]();
  }

  static async open(json: AsyncIterable<Uint8Array>): Promise<WordVectors> {
    const vectors = new WordVectors(json);
    while (vectors.numRows === 0 || vectors.dim === 0) {
      if (!(await vectors.#scanNextChunk())) throw new Error("the word vectors do not say how many there are");
    }
    return vectors;
  }

  /**
   * The rows in the order of the file, as many at a time as a chunk of the file holds; views of `values`. To be called
   * once.
   */
  async *rows(): AsyncGenerator<Float32Array> {
    let givenCount = 0;
    try {
      do {
        if (this.#valueCount > givenCount) yield this.values.subarray(givenCount, this.#valueCount);
        givenCount = this.#valueCount;
      } while (await this.#scanNextChunk());
    } finally {
      await this.#chunks.return?.();
    }
    if (this.rowOfWord.size !== this.numRows) {
      throw new Error(`got ${this.rowOfWord.size} different words, expected ${this.numRows}`);
    }
  }

  async #scanNextChunk(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) this.#scanner.end();
    else this.#scanner.push(value);
    return !done;
  }

  key(name: string, depth: number): void {
    if (depth === FIELD_DEPTH) {
      this.#field = name;
      if (name === VECTORS_KEY) this.values = new Float32Array(this.numRows * this.dim);
    } else if (depth === WORD_DEPTH && this.#field === VECTORS_KEY) {
      this.rowOfWord.set(name, this.rowOfWord.size);
      this.#column = 0;
    }
  }

  number(value: number, depth: number): void {
    if (depth === FLOAT_DEPTH && this.#field === VECTORS_KEY) {
      if (this.#column < this.dim) this.values[this.#valueCount++] = value;
      this.#column++;
    } else if (depth === FIELD_DEPTH && this.#field === SIZE_KEY) {
      this.numRows = value;
    } else if (depth === FIELD_DEPTH && this.#field === DIM_KEY) {
      this.dim = value;
    }
  }

  close(depth: number): void {
    if (depth === FLOAT_DEPTH && this.#field === VECTORS_KEY && this.#column < this.dim) {
      throw new Error(`got ${this.#column} floats for a word, expected ${this.dim}`);
    }
  }
}
