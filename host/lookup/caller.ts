import { EmbeddingError } from "../errors.js";
import { type KernelExports, LAYOUT } from "../memory/abi.js";
import { type Allocator, GrowingBlock } from "../memory/allocator.js";
import { alignLine, type MemoryMap } from "../memory/map.js";
import type { RankJobs, Records } from "../memory/records.js";
import type { CheckedBatch } from "./batch.js";
import { copyOffsets, copyPiece, indexError } from "./copy.js";
import { type ExchangeViews, largestPiece, measurePiece, type Piece, wholePiece } from "./piece.js";
import type { PlacedRows } from "./result.js";

/** The kernels and records that the caller's own thread works with. */
export interface CallerContext {
  /** One for each tables memory: of every rank, or of all. */
  kernels: KernelExports[];
  records: Records;
  map: MemoryMap;
  views: ExchangeViews;
  allocator: Allocator;
}

/**
 * Lookups on the caller's own thread: the same kernels over the same rows, in the same order, so the same bits, without any hand-over.
 * Its input, scratch and window lie in one block of the exchange memory that grows with the largest lookup.
 */
export class CallerLane {
  readonly #context: CallerContext;
  /** The jobs to run on each kernel: a call each. */
  readonly #calls: { kernel: KernelExports; jobs: RankJobs }[];
  readonly #partial: boolean;
  readonly #arena: GrowingBlock;
  readonly #result: GrowingBlock;

  constructor(context: CallerContext) {
    this.#context = context;
    this.#arena = new GrowingBlock(context.allocator);
    this.#result = new GrowingBlock(context.allocator);
    const { kernels, records } = context;
    const { jobs } = records;
    this.#partial = jobs.some((one) => one.partial);
    // With one memory the jobs of all ranks, which lie one after the other, are a single call.
    const all = { ptr: jobs[0].ptr, count: jobs.reduce((sum, one) => sum + one.count, 0), partial: this.#partial };
    this.#calls =
      kernels.length === 1
        ? [{ kernel: kernels[0], jobs: all }]
        : kernels.map((kernel, rank) => ({ kernel, jobs: jobs[rank] })).filter((call) => call.jobs.count > 0);
  }

  /**
   * Looks up on this thread into the lane's own result block, valid until the next call, in turns that take limitBytes at most where
   * a sample allows. Each turn is shown to `take`.
   */
  lookup(batch: CheckedBatch, limitBytes: number, take: (rows: PlacedRows) => void): void {
    const { columns } = batch.picks;
    const bytes = (piece: Piece): number => {
      const size = measurePiece(piece, columns);
      return size.inputBytes + size.resultBytes + size.scratchBytes;
    };
    const whole = wholePiece(batch);
    if (bytes(whole) <= limitBytes) {
      const ptr = this.#reserve(this.#result, measurePiece(whole, columns).resultBytes);
      this.run(whole, ptr);
      take({ first: 0, count: batch.batchSize, ptr });
      return;
    }
    const offsets = copyOffsets(batch);
    for (let first = 0; first < batch.batchSize; ) {
      const piece = largestPiece({ batch, first, offsets, maxSamples: batch.batchSize }, (one) => bytes(one) <= limitBytes);
      const ptr = this.#reserve(this.#result, measurePiece(piece, columns).resultBytes);
      this.run(piece, ptr);
      take({ first, count: piece.count, ptr });
      first += piece.count;
    }
  }

  /**
   * Copies a lookup in and pools it to resultPtr: rows, then the values of its jagged features.
   * @throws EmbeddingError EMBEDDING_OFFSETS, EMBEDDING_INDEX_RANGE, EMBEDDING_MEMORY_LIMIT
   */
  run(piece: Piece, resultPtr: number): void {
    const { map, views } = this.#context;
    const { columns } = piece.batch.picks;
    const size = measurePiece(piece, columns);
    const windowBytes = this.#partial ? map.windowBytes : 0;
    const recordPtr = this.#reserve(
      this.#arena,
      LAYOUT.PIECE_BYTES + alignLine(LAYOUT.ERROR_BYTES) + size.inputBytes + size.scratchBytes + windowBytes,
    );
    const errorPtr = recordPtr + LAYOUT.PIECE_BYTES;
    const inputPtr = errorPtr + alignLine(LAYOUT.ERROR_BYTES);
    const scratchPtr = inputPtr + size.inputBytes;
    const windowPtr = scratchPtr + size.scratchBytes;
    copyPiece(piece, {
      views,
      kernel: this.#context.kernels[0],
      wholeMapPtr: map.featureMapPtr,
      inputPtr,
      resultPtr,
      rowColumns: columns,
      recordPtr,
      firstSample: 0,
    });
    views.words[(errorPtr + LAYOUT.ERROR_STATUS) / 4] = LAYOUT.STATUS_OK;
    // Partial sums go through a window, as between ranks, as many samples at a time as it holds.
    const turn = this.#partial ? map.sliceSamples : piece.count;
    let failed = false;
    for (let first = 0; first < piece.count; first += turn) {
      const bags = Math.min(turn, piece.count - first);
      const dest = resultPtr + first * columns * 4;
      for (const { kernel, jobs } of this.#calls) {
        const status = kernel.poolPiece(
          jobs.ptr,
          jobs.count,
          recordPtr,
          first,
          bags,
          dest,
          columns * 4,
          windowPtr,
          0,
          scratchPtr,
          errorPtr,
        );
        failed ||= status !== LAYOUT.STATUS_OK;
      }
      if (this.#partial) {
        this.#calls[0].kernel.reducePiece(
          map.reductionsPtr,
          this.#context.records.reductionCount,
          recordPtr,
          bags,
          windowPtr,
          0,
          dest,
          columns * 4,
        );
      }
    }
    if (failed) throw indexError(piece, views.words, errorPtr, views.words[(recordPtr + LAYOUT.PIECE_OFFSETS_PTR) / 4]);
  }

  /** The start of a block that is this lane's until the next call. */
  #reserve(block: GrowingBlock, bytes: number): number {
    const ptr = block.reserve(bytes);
    if (ptr >= 0) return ptr;
    const largest = this.#context.allocator.largestFreeBytes;
    throw new EmbeddingError(
      "EMBEDDING_MEMORY_LIMIT",
      `a lookup on the caller's thread needs ${bytes} bytes of exchange memory, ${largest} are free in one piece`,
      {
        got: bytes,
        expected: largest,
      },
    );
  }
}
