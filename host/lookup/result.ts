import { EmbeddingError } from "../errors.js";
import { alignLine } from "../memory/map.js";
import { show } from "../resolve.js";
import type { CheckedBatch } from "./batch.js";
import type { Lease } from "./leases.js";

/** Rows of a feature with pooling "none": sample s has rows [offsets[s], offsets[s + 1]), each dim floats of `values`. */
export interface JaggedRows {
  /** [rows, dim], row-major. A view of shared memory until the result's release, or an array of the caller's own: as `values` of the result. */
  values: Float32Array;
  /** batchSize + 1, first 0. */
  offsets: Int32Array;
}

/** The answer of a lookup. */
export interface LookupResult extends Disposable {
  readonly batchSize: number;
  /** Names of the features, in column order. */
  readonly features: readonly string[];
  /**
   * Row-major [batchSize, columns]. A view of shared memory that is valid until release(), or the `out` of the lookup, or, for
   * large results and while many views are held, an array of the caller's own. Hold the result, or this very array, as long as a subarray of it is read.
   * @throws EmbeddingError EMBEDDING_RELEASED after release()
   */
  readonly values: Float32Array;
  /** Floats in a row. */
  readonly columns: number;
  /** Where each feature's columns start, one for each of `features`; one more at the end is the number of columns. Features with pooling "none" have no columns. */
  readonly columnOffsets: readonly number[];
  /**
   * The rows of a feature with pooling "none".
   * @throws EmbeddingError EMBEDDING_FEATURE_UNKNOWN for other names, EMBEDDING_RELEASED after release()
   */
  jagged(name: string): JaggedRows;
  /** Gives the memory back; `values` must not be read afterwards. A second call does nothing. */
  release(): void;
}

/** Values and jagged rows of a lookup, wherever they lie. */
export interface ResultParts {
  values: Float32Array;
  columns: number;
  columnOffsets: readonly number[];
  jagged: ReadonlyMap<string, JaggedRows>;
}

/**
 * The rows of a jagged feature.
 * @throws EmbeddingError EMBEDDING_FEATURE_UNKNOWN
 */
export function jaggedOf(parts: ResultParts | undefined, name: string): JaggedRows {
  const rows = parts?.jagged.get(name);
  if (rows !== undefined) return rows;
  throw new EmbeddingError(
    "EMBEDDING_FEATURE_UNKNOWN",
    `jagged: got ${show(name)}, expected a feature of this lookup with pooling "none"`,
    {
      feature: String(name),
      got: name,
    },
  );
}

/** The LookupResult over its parts. */
export class FinishedLookup implements LookupResult {
  readonly batchSize: number;
  readonly features: readonly string[];
  readonly columns: number;
  readonly columnOffsets: readonly number[];
  #parts: ResultParts | undefined;
  readonly #lease: Lease | undefined;
  /** Keeps the lease's token alive with the result. */
  readonly #token: object | undefined;

  constructor(batch: CheckedBatch, parts: ResultParts, lease?: Lease, token?: object) {
    this.batchSize = batch.batchSize;
    this.features = batch.picks.features.map((feature) => feature.name);
    this.columns = parts.columns;
    this.columnOffsets = parts.columnOffsets;
    this.#parts = parts;
    this.#lease = lease;
    this.#token = token;
  }

  get values(): Float32Array {
    return this.#read().values;
  }

  jagged(name: string): JaggedRows {
    return jaggedOf(this.#read(), name);
  }

  release(): void {
    if (this.#lease === undefined || this.#token === undefined) return;
    this.#lease.release();
    this.#parts = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #read(): ResultParts {
    if (this.#parts === undefined) {
      throw new EmbeddingError("EMBEDDING_RELEASED", "the result was released; read it before release(), or pass { out }");
    }
    return this.#parts;
  }
}

/** Offsets of a jagged feature, from 0. */
function jaggedOffsets(batch: CheckedBatch, slot: number): Int32Array {
  const at = slot * batch.batchSize;
  const own = new Int32Array(batch.batchSize + 1);
  for (let s = 0; s <= batch.batchSize; s += 1) own[s] = batch.offsets[at + s] - batch.offsets[at];
  return own;
}

/** What a result row holds: the picked features' columns, or what the stage returns. */
export interface RowShape {
  columns: number;
  columnOffsets: readonly number[];
}

/** Samples [first, first + count) of a lookup's result, as they lie in the exchange memory at ptr. */
export interface PlacedRows {
  first: number;
  count: number;
  ptr: number;
}

/** Arrays of the caller's own for a result that is put together piece by piece. */
export class GatheredRows {
  readonly #batch: CheckedBatch;
  readonly #shape: RowShape;
  readonly values: Float32Array;
  readonly jagged: readonly Float32Array[];
  /** Samples that were put. */
  samples = 0;

  /** out: where the values go, if the caller said so. */
  constructor(batch: CheckedBatch, shape: RowShape, out: Float32Array | undefined) {
    this.#batch = batch;
    this.#shape = shape;
    this.values = out ?? new Float32Array(batch.batchSize * shape.columns);
    this.jagged = batch.picks.jagged.map((slot) => new Float32Array(this.#floatsBefore(slot, batch.batchSize)));
  }

  /** Copies the rows of a placed piece to their place. */
  put(floats: Float32Array, placed: PlacedRows): void {
    const rows = viewRows(this.#batch, this.#shape, floats, placed);
    this.values.set(rows.values, placed.first * this.#shape.columns);
    this.#batch.picks.jagged.forEach((slot, n) => {
      this.jagged[n].set(rows.jagged[n], this.#floatsBefore(slot, placed.first));
    });
    this.samples += placed.count;
  }

  /** Floats of a jagged feature's values before sample `sample`. */
  #floatsBefore(slot: number, sample: number): number {
    const { offsets, batchSize, picks } = this.#batch;
    return (offsets[slot * batchSize + sample] - offsets[slot * batchSize]) * picks.features[slot].dim;
  }
}

/** Views of the rows of a placed piece, and of its jagged values by slot. */
export function viewRows(
  batch: CheckedBatch,
  shape: RowShape,
  floats: Float32Array,
  placed: PlacedRows,
): { values: Float32Array; jagged: Float32Array[] } {
  const { picks, offsets, batchSize } = batch;
  const { ptr, first, count } = placed;
  const values = floats.subarray(ptr / 4, ptr / 4 + count * shape.columns);
  let at = ptr + alignLine(count * shape.columns * 4);
  const jagged = picks.jagged.map((slot) => {
    const from = slot * batchSize + first;
    const length = (offsets[from + count] - offsets[from]) * picks.features[slot].dim;
    const rows = floats.subarray(at / 4, at / 4 + length);
    at += alignLine(length * 4);
    return rows;
  });
  return { values, jagged };
}

/** The parts of a result, given its values and the jagged values by slot. */
export function resultParts(batch: CheckedBatch, shape: RowShape, values: Float32Array, jagged: readonly Float32Array[]): ResultParts {
  const { picks } = batch;
  const rows = new Map(
    picks.jagged.map((slot, n) => [picks.features[slot].name, { values: jagged[n], offsets: jaggedOffsets(batch, slot) }]),
  );
  return { values, columns: shape.columns, columnOffsets: shape.columnOffsets, jagged: rows };
}
