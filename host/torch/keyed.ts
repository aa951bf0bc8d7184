import { unknownKey } from "./jagged.js";

/** TorchRec's KeyedTensor: pooled rows of several features side by side, [samples, sum of dims], row-major. */
export class KeyedTensor {
  readonly #keys: readonly string[];
  readonly #offsets: readonly number[];
  readonly #values: Float32Array;
  readonly #samples: number;

  /** offsetPerKey: where each key's columns start; one more at the end is the number of columns. */
  constructor(keys: readonly string[], offsetPerKey: readonly number[], values: Float32Array) {
    this.#keys = keys;
    this.#offsets = offsetPerKey;
    this.#values = values;
    this.#samples = values.length / offsetPerKey[keys.length];
  }

  keys(): readonly string[] {
    return this.#keys;
  }

  /** [samples, sum of dims], row-major, an array of the caller's own. */
  values(): Float32Array {
    return this.#values;
  }

  /** Samples, and the sum of dims. */
  shape(): readonly [samples: number, columns: number] {
    return [this.#samples, this.#offsets[this.#keys.length]];
  }

  /** The dim of each key. */
  lengthPerKey(): number[] {
    return this.#keys.map((_, k) => this.#offsets[k + 1] - this.#offsets[k]);
  }

  /** Where each key's columns start; one more at the end is the number of columns. */
  offsetPerKey(): readonly number[] {
    return this.#offsets;
  }

  /** A key's rows [samples, dim], a copy: a Float32Array cannot skip the columns of others as a tensor can. @throws EmbeddingError EMBEDDING_FEATURE_UNKNOWN */
  get(key: string): Float32Array {
    const index = this.#keys.indexOf(key);
    if (index < 0) throw unknownKey(key, this.#keys);
    return this.#columns(index);
  }

  /** The rows of all keys, copies, in their order. */
  toDict(): Map<string, Float32Array> {
    return new Map(this.#keys.map((key, k) => [key, this.#columns(k)]));
  }

  #columns(index: number): Float32Array {
    const columns = this.#offsets[this.#keys.length];
    const first = this.#offsets[index];
    const dim = this.#offsets[index + 1] - first;
    const out = new Float32Array(this.#samples * dim);
    for (let s = 0; s < this.#samples; s += 1) {
      const from = s * columns + first;
      out.set(this.#values.subarray(from, from + dim), s * dim);
    }
    return out;
  }
}
