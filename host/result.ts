import type { CheckedBatch } from "./batch.js";
import { EmbeddingError } from "./errors.js";
import type { Allocator } from "./memory/allocator.js";
import { lines } from "./piece.js";
import { show } from "./resolve.js";

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

/** Memory for the results of a step, shared by its lookups; freed when the last one lets go. */
export class ResultBuffer {
  readonly #pool: ResultPool;
  readonly ptr: number;
  readonly bytes: number;
  #holders = 1;
  leases = 0;

  constructor(pool: ResultPool, ptr: number, bytes: number) {
    this.#pool = pool;
    this.ptr = ptr;
    this.bytes = bytes;
  }

  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.free(this);
  }
}

/** At most this part of the heap is handed out as views; more is copied. */
const LEASED_SHARE = 0.25;

/** What ResultPool tells stats(). */
export interface ResultStats {
  /** Views that were handed out and not released. */
  leasedViews: number;
  /** Bytes that those views keep. */
  leasedBytes: number;
  /** Views that were dropped without release() and taken back by the garbage collector. */
  forgottenViews: number;
}

/** Result buffers and the views of them that callers hold. On the caller's thread only. */
export class ResultPool {
  readonly #allocator: Allocator;
  readonly #reserve: number;
  readonly stats: ResultStats = { leasedViews: 0, leasedBytes: 0, forgottenViews: 0 };
  readonly #onFree: () => void;
  /** Keeps a lease's token alive as long as one of its views is. */
  readonly #tokens = new WeakMap<Float32Array, object>();
  readonly #forgotten = new FinalizationRegistry<Lease>((lease) => {
    if (lease.release()) this.stats.forgottenViews += 1;
  });

  /** reserve: buffers that must stay free before a view is handed out. onFree: called when memory came back. */
  constructor(allocator: Allocator, reserve: number, onFree: () => void) {
    this.#allocator = allocator;
    this.#reserve = reserve;
    this.#onFree = onFree;
  }

  /** A buffer with one holder, or undefined when there is no room. */
  allocate(bytes: number): ResultBuffer | undefined {
    const ptr = this.#allocator.allocate(bytes);
    return ptr < 0 ? undefined : new ResultBuffer(this, ptr, bytes);
  }

  free(buffer: ResultBuffer): void {
    this.#allocator.free(buffer.ptr);
    this.#onFree();
  }

  /** Takes a lease on a buffer, or undefined when enough of the heap is held already and the values should be copied. */
  lease(buffer: ResultBuffer): Lease | undefined {
    const { stats } = this;
    const more = buffer.leases === 0 ? buffer.bytes : 0;
    if (stats.leasedBytes + more > this.#allocator.capacityBytes * LEASED_SHARE) return undefined;
    if (this.#allocator.freeBytes < this.#reserve * buffer.bytes) return undefined;
    return new Lease(this, buffer);
  }

  /** Ties views to their lease, so that it is taken back when all of them, and the result, were dropped. */
  watch(lease: Lease, views: readonly Float32Array[]): object {
    const token = {};
    for (const view of views) this.#tokens.set(view, token);
    this.#forgotten.register(token, lease, lease);
    return token;
  }

  unwatch(lease: Lease): void {
    this.#forgotten.unregister(lease);
  }
}

/** One lookup's right to read a result buffer. */
export class Lease {
  readonly #pool: ResultPool;
  #buffer: ResultBuffer | undefined;

  constructor(pool: ResultPool, buffer: ResultBuffer) {
    this.#pool = pool;
    this.#buffer = buffer;
    if (buffer.leases === 0) pool.stats.leasedBytes += buffer.bytes;
    buffer.leases += 1;
    buffer.hold();
    pool.stats.leasedViews += 1;
  }

  /** False when it was released before. */
  release(): boolean {
    const buffer = this.#buffer;
    if (buffer === undefined) return false;
    this.#buffer = undefined;
    buffer.leases -= 1;
    if (buffer.leases === 0) this.#pool.stats.leasedBytes -= buffer.bytes;
    this.#pool.stats.leasedViews -= 1;
    this.#pool.unwatch(this);
    buffer.letGo();
    return true;
  }
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
  let at = ptr + lines(count * shape.columns * 4);
  const jagged = picks.jagged.map((slot) => {
    const from = slot * batchSize + first;
    const length = (offsets[from + count] - offsets[from]) * picks.features[slot].dim;
    const rows = floats.subarray(at / 4, at / 4 + length);
    at += lines(length * 4);
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
