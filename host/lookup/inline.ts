import type { CheckedBatch } from "./batch.js";
import type { CallerLane } from "./caller.js";
import { copyOffsets } from "./copy.js";
import type { ResultPool } from "./leases.js";
import { type ExchangeViews, measurePiece, wholePiece } from "./piece.js";
import { FinishedLookup, GatheredRows, type LookupResult, type ResultParts, resultParts, viewRows } from "./result.js";
import { lookupHere, lookupInto } from "./sync.js";

/** A lookup on the caller's thread that needs more of the heap than this is cut by samples. */
const HEAP_SHARE = 0.25;

/** What lookups on the caller's thread work with. */
export interface InlineContext {
  lane: CallerLane;
  results: ResultPool;
  views: ExchangeViews;
  heapBytes: number;
}

/** Results of lookups that run on the caller's own thread. Batches without stage; their errors are thrown. */
export class InlineLookups {
  readonly #context: InlineContext;
  readonly #limitBytes: number;

  constructor(context: InlineContext) {
    this.#context = context;
    this.#limitBytes = context.heapBytes * HEAP_SHARE;
  }

  /** As a lookup by ranks: a view with a lease on a buffer of its own where there is room for one, else a copy; with `out` always there. */
  result(batch: CheckedBatch, out: Float32Array | undefined): LookupResult {
    const { views, results, lane } = this.#context;
    const buffer = out === undefined ? results.allocate(measurePiece(wholePiece(batch), batch.picks.columns).resultBytes) : undefined;
    const lease = buffer === undefined ? undefined : results.lease(buffer);
    // The buffer lives as long as its lease; without a lease it goes at once, and the values are copied.
    buffer?.letGo();
    try {
      if (buffer !== undefined && lease !== undefined) {
        lane.run(wholePiece(batch), buffer.ptr);
        const rows = viewRows(batch, batch.picks, views.floats, { first: 0, count: batch.batchSize, ptr: buffer.ptr });
        const token = results.watch(lease, [rows.values, ...rows.jagged]);
        return new FinishedLookup(batch, resultParts(batch, batch.picks, rows.values, rows.jagged), lease, token);
      }
      const gathered = new GatheredRows(batch, batch.picks, out);
      lane.lookup(batch, this.#limitBytes, (placed) => gathered.put(views.floats, placed));
      return new FinishedLookup(batch, resultParts(batch, batch.picks, gathered.values, gathered.jagged));
    } catch (error) {
      lease?.release();
      throw error;
    }
  }

  /** The parts of lookupSync's result: views that are valid until the next call, or `out`. */
  parts(batch: CheckedBatch, out: Float32Array | undefined): ResultParts {
    const { lane, views } = this.#context;
    // No step checks the offsets of a batch without samples.
    if (batch.batchSize === 0) copyOffsets(batch);
    return lookupHere(lane, batch, { floats: views.floats, limitBytes: this.#limitBytes, out });
  }

  /** Into `out`, [batchSize, columns]; for batches whose features are all pooled. */
  into(batch: CheckedBatch, out: Float32Array): void {
    const { lane, views } = this.#context;
    if (batch.batchSize === 0) copyOffsets(batch);
    else lookupInto(lane, batch, { floats: views.floats, limitBytes: this.#limitBytes, out });
  }
}

/** Bytes of rows that a batch gathers, by its offsets as they stand: an estimate that decides where it runs. */
export function gatheredBytes({ picks, offsets, batchSize }: CheckedBatch): number {
  let bytes = 0;
  for (let slot = 0; slot < picks.features.length; slot += 1) {
    bytes += (offsets[(slot + 1) * batchSize] - offsets[slot * batchSize]) * picks.features[slot].rowBytes;
  }
  return bytes;
}
