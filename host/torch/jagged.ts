import { EmbeddingError } from "../errors.js";
import { show } from "../resolve.js";
import { type FloatArray, type IndexArray, toFloats, toIndices } from "./arrays.js";
import { lengthsOf, offsetsFrom, offsetsOf } from "./offsets.js";

/** The arrays of a jagged tensor, and TorchRec's names for them. */
export abstract class JaggedArrays {
  readonly #values: Int32Array | BigInt64Array;
  readonly #weights: Float32Array | undefined;
  readonly #offsets: Int32Array;

  /** offsets: bags + 1, first 0. */
  constructor(values: Int32Array | BigInt64Array, offsets: Int32Array, weights?: Float32Array) {
    this.#values = values;
    this.#offsets = offsets;
    this.#weights = weights;
  }

  values(): Int32Array | BigInt64Array {
    return this.#values;
  }

  /** @throws EmbeddingError EMBEDDING_WEIGHTS when there are none */
  weights(): Float32Array {
    if (this.#weights === undefined)
      throw new EmbeddingError("EMBEDDING_WEIGHTS", "weights: got none, expected a batch that was made with weights");
    return this.#weights;
  }

  weightsOrNull(): Float32Array | null {
    return this.#weights ?? null;
  }

  /** Where each bag starts, first 0, and the number of values: bags + 1. */
  offsets(): Int32Array {
    return this.#offsets;
  }

  /** Values of each bag. */
  lengths(): Int32Array {
    return lengthsOf(this.#offsets);
  }
}

/** One feature's bags: sample s has values [offsets[s], offsets[s + 1]). Views of the arrays it came from, but for offsets. */
export class JaggedTensor extends JaggedArrays {}

/** What a KeyedJaggedTensor is made of, but for lengths or offsets. */
export interface JaggedParts {
  /** Feature names, each once. */
  keys: readonly string[];
  /** Row ids of all bags, feature by feature, sample by sample. Borrowed. */
  values: IndexArray;
  /** One for each value. Borrowed. */
  weights?: FloatArray | null | undefined;
  /** Samples; default: what the number of bags and keys tells. */
  stride?: number | undefined;
}

/** A jagged batch by lengths. */
export interface JaggedLengths extends JaggedParts {
  /** Values of each bag, feature-major: keys * stride. */
  lengths: IndexArray;
}

/** A jagged batch by offsets. */
export interface JaggedOffsets extends JaggedParts {
  /** Where each bag starts, feature-major, and the number of values: keys * stride + 1. */
  offsets: IndexArray;
}

/**
 * TorchRec's KeyedJaggedTensor: bags of row ids for each feature (key) and sample, feature-major. Bag (f, s) is
 * values[offsets[f * stride + s] .. offsets[f * stride + s + 1]).
 */
export class KeyedJaggedTensor extends JaggedArrays {
  readonly #keys: readonly string[];
  readonly #stride: number;

  /** With lengths or with offsets. @throws EmbeddingError EMBEDDING_BATCH, EMBEDDING_OFFSETS, EMBEDDING_WEIGHTS, EMBEDDING_FEATURE_UNKNOWN */
  constructor(parts: JaggedLengths | JaggedOffsets) {
    if (typeof parts !== "object" || parts === null)
      throw batchError("KeyedJaggedTensor", show(parts), "{ keys, values, lengths or offsets }");
    const keys = checkKeys(parts.keys);
    const values = toIndices("values", parts.values);
    const { length } = values;
    if (("offsets" in parts && parts.offsets !== undefined) === ("lengths" in parts && parts.lengths !== undefined)) {
      throw batchError("KeyedJaggedTensor", "both or neither", "either lengths or offsets");
    }
    const offsets =
      "offsets" in parts && parts.offsets !== undefined
        ? offsetsFrom(parts.offsets, length)
        : offsetsOf((parts as JaggedLengths).lengths, length);
    const stride = strideOf(parts.stride, keys.length, offsets.length - 1);
    super(values, offsets, weightsOf(parts.weights, length));
    this.#keys = keys;
    this.#stride = stride;
  }

  /** As TorchRec's from_lengths_sync. @throws EmbeddingError as the constructor */
  static fromLengthsSync(parts: JaggedLengths): KeyedJaggedTensor {
    return new KeyedJaggedTensor(parts);
  }

  /** As TorchRec's from_offsets_sync. @throws EmbeddingError as the constructor */
  static fromOffsetsSync(parts: JaggedOffsets): KeyedJaggedTensor {
    return new KeyedJaggedTensor(parts);
  }

  keys(): readonly string[] {
    return this.#keys;
  }

  /** Samples. */
  stride(): number {
    return this.#stride;
  }

  /** Values of each key. */
  lengthPerKey(): number[] {
    return this.#keys.map((_, f) => this.#start(f + 1) - this.#start(f));
  }

  /** Where the values of each key start; one more at the end is the number of values. */
  offsetPerKey(): number[] {
    return Array.from({ length: this.#keys.length + 1 }, (_, f) => this.#start(f));
  }

  /** The bags of a key. @throws EmbeddingError EMBEDDING_FEATURE_UNKNOWN */
  get(key: string): JaggedTensor {
    const index = this.#keys.indexOf(key);
    if (index < 0) throw unknownKey(key, this.#keys);
    return this.#feature(index);
  }

  /** The bags of all keys, in their order. */
  toDict(): Map<string, JaggedTensor> {
    return new Map(this.#keys.map((key, f) => [key, this.#feature(f)]));
  }

  #feature(index: number): JaggedTensor {
    const [begin, end] = [this.#start(index), this.#start(index + 1)];
    const offsets = this.offsets()
      .subarray(index * this.#stride, (index + 1) * this.#stride + 1)
      .map((offset) => offset - begin);
    return new JaggedTensor(this.values().subarray(begin, end), offsets, this.weightsOrNull()?.subarray(begin, end));
  }

  #start(feature: number): number {
    return this.offsets()[feature * this.#stride];
  }
}

function batchError(where: string, got: string, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_BATCH", `${where}: got ${got}, expected ${expected}`, { got, expected });
}

/** The error for a key that is not among `keys`. */
export function unknownKey(key: unknown, keys: readonly string[]): EmbeddingError {
  const names = keys.map((name) => show(name)).join(", ");
  return new EmbeddingError("EMBEDDING_FEATURE_UNKNOWN", `key: got ${show(key)}, expected one of ${names.slice(0, 300)}`, {
    feature: String(key),
    got: key,
  });
}

/** The keys that were checked last: most programs make batch after batch with the same ones, and whoever gets this very array can know it again. */
let known: readonly string[] = Object.freeze([]);

function isKnown(keys: readonly unknown[]): boolean {
  if (keys.length !== known.length) return false;
  for (let n = 0; n < keys.length; n += 1) if (keys[n] !== known[n]) return false;
  return true;
}

/** The keys as a frozen array of our own, the same one as last time if they are the same. */
function checkKeys(keys: unknown): readonly string[] {
  if (!Array.isArray(keys)) throw batchError("keys", show(keys), "an array of feature names");
  if (isKnown(keys)) return known;
  const seen = new Set<unknown>();
  keys.forEach((key: unknown, n) => {
    if (typeof key !== "string") throw batchError(`keys[${n}]`, show(key), "a feature name");
    if (seen.has(key)) {
      throw new EmbeddingError("EMBEDDING_FEATURE_UNKNOWN", `keys[${n}]: got ${show(key)} twice, expected each name once`, {
        feature: key,
      });
    }
    seen.add(key);
  });
  known = Object.freeze([...keys]);
  return known;
}

function strideOf(given: number | undefined, keys: number, bags: number): number {
  const stride = given ?? (keys === 0 ? 0 : bags / keys);
  if (!Number.isInteger(stride) || stride < 0 || stride * keys !== bags) {
    const expected = given === undefined ? `a multiple of the number of keys, ${keys}` : `${keys} keys x stride ${given}`;
    throw batchError("KeyedJaggedTensor", `${bags} bags`, expected);
  }
  return stride;
}

function weightsOf(given: FloatArray | null | undefined, values: number): Float32Array | undefined {
  if (given === undefined || given === null) return undefined;
  const weights = toFloats("weights", given);
  if (weights.length === values) return weights;
  throw new EmbeddingError("EMBEDDING_WEIGHTS", `weights.length: got ${weights.length}, expected ${values}, one for each value`, {
    got: weights.length,
    expected: values,
  });
}
