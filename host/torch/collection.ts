import type { Engine } from "../engine.js";
import { EmbeddingError } from "../errors.js";
import { type LookupBatch, type LookupOptions, tagOf } from "../lookup/batch.js";
import { openEngine, openEngineSync } from "../open.js";
import { type CollectionOptions, type Column, fillCollection, type OpenCollectionOptions } from "./collection-options.js";
import { KeyedJaggedTensor, unknownKey } from "./jagged.js";
import { KeyedTensor } from "./keyed.js";

/**
 * TorchRec's EmbeddingBagCollection for inference: KeyedJaggedTensor in, KeyedTensor out. Made by `new` it is synchronous and without
 * threads (`ranks: 0`); made by `await EmbeddingBagCollection.open({ ranks: 2, ... })` its tables lie on ranks, and forwardAsync looks up there.
 * Columns are in the order of the tables, and of each table's features; a feature of several tables is called "feature@table" there.
 */
export class EmbeddingBagCollection implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #columns: readonly Column[];
  readonly #keys: readonly string[];
  readonly #offsetPerKey: readonly number[];
  readonly #isWeighted: boolean;
  /** What the last batch's keys, which are frozen, meant. */
  #last: { keys: readonly string[] | undefined; order: readonly number[] | undefined } = { keys: undefined, order: undefined };

  /**
   * Without threads, at once. engine: one that holds these very tables and features already; open() makes it.
   * @throws EmbeddingError EMBEDDING_OPTIONS, EMBEDDING_MEMORY_LIMIT (4 GiB in all), EMBEDDING_TABLE_ROWS
   */
  constructor(options: CollectionOptions, engine?: Engine) {
    const filled = fillCollection(options);
    this.#engine = engine ?? openEngineSync({ tables: filled.tables, features: filled.features });
    this.#columns = filled.columns;
    this.#keys = Object.freeze(filled.columns.map(({ key }) => key));
    this.#offsetPerKey = filled.offsetPerKey;
    this.#isWeighted = filled.isWeighted;
  }

  /**
   * With ranks: openEngine's options but for tables and features. A process with ranks does not end before close().
   * @throws (rejects) EmbeddingError as openEngine
   */
  static async open(options: OpenCollectionOptions): Promise<EmbeddingBagCollection> {
    const { tables, features } = fillCollection(options);
    const { isWeighted: _, ...more } = options;
    return new EmbeddingBagCollection(options, await openEngine({ ...more, tables, features }));
  }

  /** The engine underneath: its plan, its stats. */
  get engine(): Engine {
    return this.#engine;
  }

  /** Names of the column blocks of a result, in order. */
  embeddingNames(): readonly string[] {
    return this.#keys;
  }

  isWeighted(): boolean {
    return this.#isWeighted;
  }

  /**
   * Looks up on the caller's thread. Keys of the batch that no table has are not looked at.
   * @throws EmbeddingError EMBEDDING_FEATURE_UNKNOWN (the batch lacks a feature), EMBEDDING_INDEX_RANGE, EMBEDDING_WEIGHTS,
   *   EMBEDDING_MEMORY_LIMIT, EMBEDDING_CLOSED
   */
  forward(features: KeyedJaggedTensor): KeyedTensor {
    const { batch, order } = this.#batchOf(features);
    const out = this.#room(batch.batchSize);
    try {
      this.#engine.lookupInto(batch, out);
    } catch (error) {
      throw inWordsOf(features, order, error);
    }
    return new KeyedTensor(this.#keys, this.#offsetPerKey, out);
  }

  /**
   * Looks up on the ranks, if there are any; calls overlap. The batch is borrowed until the promise settles.
   * @throws (rejects) EmbeddingError as forward; EMBEDDING_TIMEOUT, EMBEDDING_ABORTED, EMBEDDING_QUEUE_FULL, EMBEDDING_RANK_LOST
   */
  async forwardAsync(features: KeyedJaggedTensor, how: Omit<LookupOptions, "out"> = {}): Promise<KeyedTensor> {
    const { batch, order } = this.#batchOf(features);
    const out = this.#room(batch.batchSize);
    try {
      await this.#engine.lookup(batch, { ...how, out });
    } catch (error) {
      throw inWordsOf(features, order, error);
    }
    return new KeyedTensor(this.#keys, this.#offsetPerKey, out);
  }

  /** Gives memory and threads back. Without ranks all is done when it returns. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #room(samples: number): Float32Array {
    return new Float32Array(samples * this.#offsetPerKey[this.#keys.length]);
  }

  /** The batch in the order of the columns. order: for each column its key's place in `features`; undefined where they are the same. */
  #batchOf(features: KeyedJaggedTensor): { batch: LookupBatch; order: readonly number[] | undefined } {
    if (!(features instanceof KeyedJaggedTensor)) {
      throw new EmbeddingError("EMBEDDING_BATCH", "forward: got no KeyedJaggedTensor, expected one (KeyedJaggedTensor.fromLengthsSync)");
    }
    const order = this.#orderOf(features.keys());
    const arrays = order === undefined ? arraysOf(features, this.#isWeighted) : reordered(features, order, this.#isWeighted);
    return { batch: { batchSize: features.stride(), ...arrays }, order };
  }

  #orderOf(keys: readonly string[]): readonly number[] | undefined {
    if (keys === this.#last.keys) return this.#last.order;
    const order = this.#columns.map(({ feature }) => {
      const at = keys.indexOf(feature);
      if (at < 0) throw unknownFeature(feature, keys);
      return at;
    });
    const straight = order.length === keys.length && order.every((at, n) => at === n);
    this.#last = { keys, order: straight ? undefined : order };
    return this.#last.order;
  }
}

function unknownFeature(feature: string, keys: readonly string[]): EmbeddingError {
  const { message } = unknownKey(feature, keys);
  return new EmbeddingError("EMBEDDING_FEATURE_UNKNOWN", `the batch lacks a feature of the collection: ${message}`, { feature });
}

type BatchArrays = Pick<LookupBatch, "indices" | "offsets" | "weights">;

function arraysOf(features: KeyedJaggedTensor, isWeighted: boolean): BatchArrays {
  return { indices: features.values(), offsets: features.offsets(), weights: isWeighted ? features.weights() : undefined };
}

/** Copies of a batch's arrays with its features in another order; a feature may come several times, or not at all. */
function reordered(features: KeyedJaggedTensor, order: readonly number[], isWeighted: boolean): BatchArrays {
  const stride = features.stride();
  const from = features.offsets();
  const start = (feature: number): number => from[feature * stride];
  const count = order.reduce((sum, feature) => sum + start(feature + 1) - start(feature), 0);
  const values = features.values();
  const indices = tagOf(values) === "BigInt64Array" ? new BigInt64Array(count) : new Int32Array(count);
  const given = isWeighted ? features.weights() : undefined;
  const weights = given && new Float32Array(count);
  const offsets = new Int32Array(order.length * stride + 1);
  let position = 0;
  order.forEach((feature, slot) => {
    const [begin, end] = [start(feature), start(feature + 1)];
    (indices as Int32Array).set(values.subarray(begin, end) as Int32Array, position);
    if (given !== undefined) weights?.set(given.subarray(begin, end), position);
    for (let s = 0; s < stride; s += 1) offsets[slot * stride + s] = from[feature * stride + s] - begin + position;
    position += end - begin;
  });
  offsets[order.length * stride] = position;
  return { indices, offsets, weights };
}

/** A lookup's error with its position in the caller's own values. */
function inWordsOf(features: KeyedJaggedTensor, order: readonly number[] | undefined, error: unknown): unknown {
  if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_INDEX_RANGE" || error.position === undefined) return error;
  let { position } = error;
  if (order !== undefined) {
    const starts = features.offsetPerKey();
    for (const feature of order) {
      const length = starts[feature + 1] - starts[feature];
      if (position < length) {
        position += starts[feature];
        break;
      }
      position -= length;
    }
  }
  const { code, message, got, expected, feature, sample } = error;
  const place = { ...(feature === undefined ? {} : { feature }), ...(sample === undefined ? {} : { sample }) };
  return new EmbeddingError(code, message.replace(`indices[${error.position}]`, `values[${position}]`), {
    got,
    expected,
    position,
    ...place,
  });
}
