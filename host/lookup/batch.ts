import { EmbeddingError, type EmbeddingErrorCode, type ErrorDetails } from "../errors.js";
import type { EngineFeature } from "../memory/records.js";
import type { FilledOptions } from "../resolve.js";
import { show } from "../resolve.js";
import type { HowToLookUp, LagClass } from "./how.js";

/** A jagged batch of bags, feature-major, as TorchRec's KeyedJaggedTensor. The arrays may lie on SharedArrayBuffers; they are borrowed until the lookup settles. */
export interface LookupBatch {
  /** Samples, 0 to 2^31 - 1. */
  batchSize: number;
  /** Row ids of all bags, 0 <= index < numRows of the feature's table; keys, sign-extended to 64 bits, where the table has keys; any integers with indexing "modulo" or "hash". */
  indices: Int32Array | BigInt64Array;
  /** features * batchSize + 1 positions in `indices`, feature-major: bag (f, s) is [offsets[f * batchSize + s], offsets[f * batchSize + s + 1]). First 0, never falling, last indices.length. */
  offsets: Int32Array;
  /** One for each index, for lookups whose features are pooled by sum (rows of "none" features come as they are). */
  weights?: Float32Array | undefined;
  /** The features of this batch, in the order of its bags and of the result's columns; default: all, in the engine's order. */
  features?: readonly string[] | undefined;
  /** [batchSize, inputColumns], row-major; required with, and only with, a stage that has inputColumns. */
  stageInput?: Float32Array | undefined;
}

/** How a lookup is to be answered. */
export interface LookupOptions {
  /** Row-major `[batchSize, columns]`: the result is copied there, and there is nothing to release. Its contents are unspecified if the lookup fails. */
  out?: Float32Array | undefined;
  /** Rejects the lookup with EMBEDDING_ABORTED. */
  signal?: AbortSignal | undefined;
  /** Milliseconds to EMBEDDING_TIMEOUT; default: the engine's lookupTimeoutMs. */
  timeoutMs?: number | undefined;
  /** "latency" (default): goes into the next step. "bulk": waits while latency lookups do, and leaves them room; for scoring that nobody waits for. Each step is made of one class. */
  lagClass?: LagClass | undefined;
  /** Whoever makes this lookup, compared by ===: lookups of one caller end in the order in which they were made, whatever their classes. Default: nobody, and each class has its own order. */
  caller?: unknown;
}

/** A choice of features with all that follows from it, computed once. */
export interface Picks {
  /** In the lookup's order. */
  features: readonly EngineFeature[];
  /** For each slot, its feature's number in the engine. */
  engineFeatures: readonly number[];
  /** For each feature of the engine: its place in the lookup, or -1. */
  slots: Int32Array;
  /** Where each picked feature's columns start; the last entry is the number of columns. A "none" feature has none. */
  columnOffsets: readonly number[];
  /** Floats in a result row. */
  columns: number;
  /** Slots of the features with pooling "none". */
  jagged: readonly number[];
  /** The first feature that cannot have weights. */
  unweighted: EngineFeature | undefined;
  /** Whether ranks may compact indices for one of the features. */
  filtered: boolean;
  /** Whether indices of one of the features are no rows: keys, modulo, hash. */
  resolved: boolean;
  /** All features in the engine's order and none of them jagged: the feature map of the engine serves. */
  whole: boolean;
}

/** A lookup that was checked as far as that is possible without reading its arrays. */
export interface CheckedBatch {
  picks: Picks;
  batchSize: number;
  indices: Int32Array | BigInt64Array;
  /** indices.length when the lookup was made. */
  indexCount: number;
  /** 4 or 8. */
  indexBytes: number;
  /** The caller's array; with jagged features, whose room depends on it, a private copy. */
  offsets: Int32Array;
  weights: Float32Array | undefined;
  stageInput: Float32Array | undefined;
}

/** The kind of a value: by tag, not instanceof, as arrays may come from another realm (vm contexts, jest). */
export function tagOf(value: unknown): string {
  // For typed arrays the getter itself: it makes no string, and every lookup asks several times.
  if (ArrayBuffer.isView(value)) return (value as Int32Array)[Symbol.toStringTag];
  return Object.prototype.toString.call(value).slice(8, -1);
}

function reject(code: EmbeddingErrorCode, message: string, details: ErrorDetails): never {
  throw new EmbeddingError(code, message, details);
}

function array<T>(name: string, value: unknown, ...tags: string[]): T {
  if (!tags.includes(tagOf(value))) {
    reject("EMBEDDING_BATCH", `${name}: got ${show(value)}, expected ${tags.join(" or ")}`, {
      got: show(value),
      expected: tags.join(" or "),
    });
  }
  return value as T;
}

function length(name: string, code: EmbeddingErrorCode, got: number, expected: number, why: string): void {
  if (got !== expected) reject(code, `${name}.length: got ${got}, expected ${expected} (${why})`, { got, expected });
}

/** How many subsets of features are remembered. */
const MAX_CACHED_PICKS = 256;

/** Knows the engine's features and checks batches against them. */
export class BatchChecker {
  readonly #options: FilledOptions;
  readonly #filtered: ReadonlySet<EngineFeature>;
  readonly #resolved: ReadonlySet<EngineFeature>;
  readonly #cache = new Map<string, Picks>();
  readonly all: Picks;

  /** filtered: the features whose indices ranks compact; resolved: those whose indices are no rows. */
  constructor(options: FilledOptions, scratch: { filtered: readonly EngineFeature[]; resolved: readonly EngineFeature[] }) {
    this.#options = options;
    this.#filtered = new Set(scratch.filtered);
    this.#resolved = new Set(scratch.resolved);
    this.all = this.#pick(options.features);
  }

  /**
   * Checks types and lengths; contents are checked on the copy.
   * @throws EmbeddingError EMBEDDING_BATCH, EMBEDDING_FEATURE_UNKNOWN, EMBEDDING_WEIGHTS, EMBEDDING_OFFSETS, EMBEDDING_UNSUPPORTED
   */
  check(batch: LookupBatch): CheckedBatch {
    if (typeof batch !== "object" || batch === null) {
      reject("EMBEDDING_BATCH", `lookup: got ${show(batch)}, expected { batchSize, indices, offsets }`, { got: show(batch) });
    }
    const { batchSize, weights } = batch;
    if (!Number.isInteger(batchSize) || batchSize < 0 || batchSize > 2 ** 31 - 1) {
      reject("EMBEDDING_BATCH", `batchSize: got ${show(batchSize)}, expected an integer from 0 to 2147483647`, { got: batchSize });
    }
    const picks = this.#picksOf(batch.features);
    const indices = array<Int32Array | BigInt64Array>("indices", batch.indices, "Int32Array", "BigInt64Array");
    const offsets = array<Int32Array>("offsets", batch.offsets, "Int32Array");
    const slots = picks.features.length;
    length("offsets", "EMBEDDING_OFFSETS", offsets.length, slots * batchSize + 1, `${slots} features x ${batchSize} samples + 1`);
    if (weights !== undefined) {
      array("weights", weights, "Float32Array");
      if (picks.unweighted !== undefined) {
        const { name, pooling } = picks.unweighted;
        reject("EMBEDDING_WEIGHTS", `weights: feature ${show(name)} is pooled by ${pooling}, weights go with sum only`, {
          feature: name,
          got: pooling,
          expected: "sum",
        });
      }
      length("weights", "EMBEDDING_WEIGHTS", weights.length, indices.length, "one for each index");
    }
    const stageInput = this.#checkStageInput(batch, batchSize);
    return {
      picks,
      batchSize,
      indices,
      weights,
      stageInput,
      indexCount: indices.length,
      indexBytes: indices.BYTES_PER_ELEMENT,
      offsets: picks.jagged.length > 0 ? Int32Array.from(offsets) : offsets,
    };
  }

  /** Checks `out`, if it is there. */
  checkOut(out: unknown, batchSize: number, columns: number): Float32Array | undefined {
    if (out === undefined) return undefined;
    const values = array<Float32Array>("out", out, "Float32Array");
    length("out", "EMBEDDING_BATCH", values.length, batchSize * columns, `${batchSize} samples x ${columns} columns`);
    return values;
  }

  /** Checks how long a lookup may wait, for which signal, and behind whom. */
  checkWaiting(how: LookupOptions): Omit<HowToLookUp, "out"> {
    const { signal, timeoutMs, lagClass = "latency", caller } = how;
    if (signal !== undefined && tagOf(signal) !== "AbortSignal") {
      reject("EMBEDDING_BATCH", `signal: got ${show(signal)}, expected an AbortSignal`, { got: show(signal), expected: "AbortSignal" });
    }
    if (typeof timeoutMs !== "number" || !(timeoutMs > 0)) {
      reject("EMBEDDING_BATCH", `timeoutMs: got ${show(timeoutMs)}, expected a number of milliseconds above 0`, {
        got: timeoutMs,
        expected: "> 0",
      });
    }
    if (lagClass !== "latency" && lagClass !== "bulk") {
      const expected = '"latency" or "bulk"';
      reject("EMBEDDING_BATCH", `lagClass: got ${show(lagClass)}, expected ${expected}`, { got: lagClass, expected });
    }
    return { signal, timeoutMs, lagClass, caller };
  }

  #checkStageInput(batch: LookupBatch, batchSize: number): Float32Array | undefined {
    const { stage } = this.#options;
    const columns = stage?.inputColumns ?? 0;
    if (batch.stageInput === undefined && columns === 0) return undefined;
    if (columns === 0) {
      reject(
        "EMBEDDING_UNSUPPORTED",
        `stageInput: got an array, expected none: ${stage === undefined ? "the engine has no stage" : "stage.inputColumns is 0"}`,
        {},
      );
    }
    const input = array<Float32Array>("stageInput", batch.stageInput, "Float32Array");
    length("stageInput", "EMBEDDING_BATCH", input.length, batchSize * columns, `${batchSize} samples x ${columns} inputColumns`);
    return input;
  }

  #picksOf(names: readonly string[] | undefined): Picks {
    if (names === undefined) return this.all;
    if (this.#options.stage !== undefined) {
      reject("EMBEDDING_UNSUPPORTED", "features: got a subset, expected none: the stage reads all columns", {});
    }
    if (!Array.isArray(names) || names.length === 0) {
      reject("EMBEDDING_BATCH", `features: got ${Array.isArray(names) ? "no names" : show(names)}, expected an array of feature names`, {});
    }
    const key = names.join("\0");
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const features = names.map((name) => {
      const feature = this.#options.features.find((candidate) => candidate.name === name);
      if (feature === undefined) {
        const all = this.#options.features.map((f) => show(f.name)).join(", ");
        reject("EMBEDDING_FEATURE_UNKNOWN", `features: got ${show(name)}, expected one of ${all.slice(0, 300)}`, {
          feature: String(name),
          got: name,
        });
      }
      return feature;
    });
    const twice = names.find((name, n) => names.indexOf(name) !== n);
    if (twice !== undefined)
      reject("EMBEDDING_FEATURE_UNKNOWN", `features: got ${show(twice)} twice, expected each name once`, { feature: twice, got: twice });
    if (this.#cache.size >= MAX_CACHED_PICKS) this.#cache.clear();
    const picks = this.#pick(features);
    this.#cache.set(key, picks);
    return picks;
  }

  #pick(features: readonly EngineFeature[]): Picks {
    const all = this.#options.features;
    const slots = Int32Array.from(all, (feature) => features.indexOf(feature));
    const columnOffsets = [0];
    for (const feature of features) columnOffsets.push((columnOffsets.at(-1) ?? 0) + (feature.pooled ? feature.dim : 0));
    const jagged = features.flatMap((feature, slot) => (feature.pooled ? [] : [slot]));
    return {
      features,
      engineFeatures: features.map((feature) => all.indexOf(feature)),
      slots,
      columnOffsets: Object.freeze(columnOffsets),
      columns: columnOffsets[features.length],
      jagged,
      unweighted: features.find((feature) => feature.pooling === "mean" || feature.pooling === "max"),
      filtered: features.some((feature) => this.#filtered.has(feature)),
      resolved: features.some((feature) => this.#resolved.has(feature)),
      whole: jagged.length === 0 && features.length === all.length && slots.every((slot, f) => slot === f),
    };
  }
}
