import type { CheckedBatch } from "./batch.js";
import type { CallerLane } from "./caller.js";
import { GatheredRows, type JaggedRows, jaggedOf, type ResultParts, resultParts, viewRows } from "./result.js";

/**
 * What lookupSync returns: the pooled values, row-major [batchSize, columns], with what a LookupResult tells besides. Without `out` a
 * view of shared memory that is valid until the next lookupSync. It is a Float32Array but for `values`, which here is no iterator
 * but the plain array, so that results of both kinds of lookup can be read alike.
 */
export interface SyncResult extends Omit<Float32Array, "values">, Disposable {
  readonly values: Float32Array;
  /** Floats in a row. */
  readonly columns: number;
  /** Where each feature's columns start, as LookupResult.columnOffsets. */
  readonly columnOffsets: readonly number[];
  /** The rows of a feature with pooling "none", as LookupResult.jagged. */
  jagged(name: string): JaggedRows;
  /** Does nothing: there is nothing to give back. */
  release(): void;
}

class SyncArray extends Float32Array<ArrayBufferLike> {
  /** subarray, map and the like give plain arrays. */
  static get [Symbol.species](): Float32ArrayConstructor {
    return Float32Array;
  }

  parts: ResultParts | undefined;

  get columns(): number {
    return this.parts?.columns ?? 0;
  }

  get columnOffsets(): readonly number[] {
    return this.parts?.columnOffsets ?? [0];
  }

  jagged(name: string): JaggedRows {
    return jaggedOf(this.parts, name);
  }

  release(): void {}

  [Symbol.dispose](): void {}
}

// Not in the class: there it would have to be the iterator that Float32Array has under this name.
Object.defineProperty(SyncArray.prototype, "values", {
  get(this: SyncArray): Float32Array | undefined {
    return this.parts?.values;
  },
});

/** The result of lookupSync over its parts. */
export function syncResult(parts: ResultParts): SyncResult {
  const { buffer, byteOffset, length } = parts.values;
  const result = new SyncArray(buffer as ArrayBuffer, byteOffset, length);
  result.parts = parts;
  return result as unknown as SyncResult;
}

/** Looks up on the caller's thread. The values lie in `out`, or in the lane's block, or, for a lookup that had to be cut, in an array of the caller's own. */
export function lookupHere(
  lane: CallerLane,
  batch: CheckedBatch,
  where: { floats: Float32Array; limitBytes: number; out: Float32Array | undefined },
): ResultParts {
  const { picks, batchSize } = batch;
  const { floats, out } = where;
  let gathered = out === undefined ? undefined : new GatheredRows(batch, picks, out);
  let parts: ResultParts | undefined;
  lane.lookup(batch, where.limitBytes, (placed) => {
    if (gathered === undefined && placed.count === batchSize) {
      const rows = viewRows(batch, picks, floats, placed);
      parts = resultParts(batch, picks, rows.values, rows.jagged);
      return;
    }
    gathered ??= new GatheredRows(batch, picks, undefined);
    gathered.put(floats, placed);
  });
  if (parts !== undefined) return parts;
  gathered ??= new GatheredRows(batch, picks, out);
  return resultParts(batch, picks, gathered.values, gathered.jagged);
}

/** As lookupHere with `out`, without parts to be made of it; for batches without jagged features. */
export function lookupInto(
  lane: CallerLane,
  batch: CheckedBatch,
  where: { floats: Float32Array; limitBytes: number; out: Float32Array },
): void {
  const { columns } = batch.picks;
  const { floats, limitBytes, out } = where;
  lane.lookup(batch, limitBytes, ({ ptr, first, count }) => {
    out.set(floats.subarray(ptr / 4, ptr / 4 + count * columns), first * columns);
  });
}
