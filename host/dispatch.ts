import { type Counters, distance } from "./collective/counters.js";
import { EmbeddingError, type ErrorRecord, fromRecord } from "./errors.js";
import type { Lookup } from "./lookup.js";
import { type KernelExports, LAYOUT } from "./memory/abi.js";
import type { Allocator } from "./memory/allocator.js";
import { type MemoryMap, STAGE_ERROR_BYTES, STEP } from "./memory/map.js";
import {
  copyBytes,
  copyOffsets,
  copyPiece,
  type ExchangeViews,
  indexError,
  largestPiece,
  lines,
  measurePiece,
  type Piece,
  type PieceSize,
} from "./piece.js";
import { FinishedLookup, GatheredRows, type ResultBuffer, type ResultPool, type RowShape, resultParts, viewRows } from "./result.js";

/** What the dispatcher works on. */
export interface DispatchContext {
  ranks: number;
  map: MemoryMap;
  counters: Counters;
  views: ExchangeViews;
  kernel: KernelExports;
  allocator: Allocator;
  results: ResultPool;
  shape: RowShape | undefined;
  inputColumns: number;
  maxCoalescedLookups: number;
  counterStart: number;
}

/** A piece chosen for a step. */
interface Chosen {
  lookup: Lookup;
  piece: Piece;
  size: PieceSize;
}

/** A piece in a step that is under way. */
interface Placed extends Chosen {
  resultPtr: number;
  offsetsPtr: number;
}

interface Step {
  /** Value of the wrapping counter. */
  step: number;
  /** Counted from 0. */
  ordinal: number;
  blockPtr: number;
  errorsPtr: number;
  buffer: ResultBuffer;
  pieces: Placed[];
}

/** Counts that stats() shows. */
export interface DispatchStats {
  steps: number;
  /** Lookups that shared a step with others. */
  coalescedLookups: number;
  /** Lookups that were cut into several steps. */
  cutLookups: number;
}

/** A step may take this part of the heap; larger lookups are cut by samples. */
const STEP_SHARE = 0.25;
/** A cut gives up below this: then a single sample does not fit. */
const MIN_STEP_BYTES = 4096;

/**
 * Makes steps of lookups and results of steps, on the caller's thread. Up to `map.windows` steps are under way; what comes meanwhile
 * queues up and is coalesced into the next step.
 */
export class Dispatcher {
  readonly #context: DispatchContext;
  readonly #queue: Lookup[] = [];
  readonly #steps: Step[] = [];
  #next: number;
  #ordinal = 0;
  readonly stats: DispatchStats = { steps: 0, coalescedLookups: 0, cutLookups: 0 };

  constructor(context: DispatchContext) {
    this.#context = context;
    this.#next = context.counterStart | 0;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get underWay(): number {
    return this.#steps.length;
  }

  /** The oldest step that is not over: its counter and its number from 0. */
  get oldest(): { step: number; ordinal: number } | undefined {
    return this.#steps[0];
  }

  submit(lookup: Lookup): void {
    this.#queue.push(lookup);
    this.pump();
  }

  /** Forgets a lookup that was settled while it waited. */
  drop(lookup: Lookup): void {
    const at = this.#queue.indexOf(lookup);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** Takes lookups from the queue into steps, as long as there is a free slot of the ring and room for their data. */
  pump(): void {
    const { map, allocator } = this.#context;
    let budget = map.heapBytes * STEP_SHARE;
    while (this.#queue.length > 0 && this.#steps.length < map.windows) {
      const chosen = this.#choose(budget);
      if (chosen.length === 0) continue;
      const outcome = this.#dispatch(chosen);
      if (outcome) {
        budget = map.heapBytes * STEP_SHARE;
        continue;
      }
      // No room now. Steps under way will give some back; without any, only smaller pieces help.
      if (this.#steps.length > 0) return;
      if (budget > MIN_STEP_BYTES) budget /= 2;
      else {
        const needed = this.#bytes(chosen);
        const largest = allocator.largestFreeBytes;
        this.#queue.shift();
        chosen[0].lookup.reject(
          new EmbeddingError(
            "EMBEDDING_MEMORY_LIMIT",
            `a sample of this lookup needs ${needed} bytes of exchange memory, ${largest} are free in one piece`,
            { got: needed, expected: largest },
          ),
        );
      }
    }
  }

  /** Finishes the steps that all ranks have released, in order, and refills the ring. */
  collect(): void {
    let over = 0;
    while (over < this.#steps.length && this.#isOver(this.#steps[over].step)) over += 1;
    if (over === 0) return;
    for (const step of this.#steps.splice(0, over)) this.#finish(step);
    this.pump();
  }

  #isOver(step: number): boolean {
    const { counters, ranks } = this.#context;
    for (let rank = 0; rank < ranks; rank += 1) {
      if (distance(counters.released(rank), step) <= 0) return false;
    }
    return true;
  }

  /** The pieces of the next step: as many whole lookups as fit, or one part of a lookup that is too large. */
  #choose(budget: number): Chosen[] {
    const { map, maxCoalescedLookups } = this.#context;
    const chosen: Chosen[] = [];
    let samples = 0;
    let bytes = 0;
    for (const lookup of this.#queue) {
      if (chosen.length >= maxCoalescedLookups) break;
      const { batch } = lookup;
      const piece: Piece = { batch, first: 0, count: batch.batchSize, offsets: batch.offsets, whole: true };
      const size = measurePiece(piece, this.#columns(lookup));
      const needed = this.#bytes([{ lookup, piece, size }]);
      if (lookup.dispatched === 0 && batch.batchSize <= map.stepSamples && needed <= budget) {
        samples += batch.batchSize;
        bytes += needed;
        if (chosen.length > 0 && (samples > map.stepSamples || bytes > budget)) break;
        chosen.push({ lookup, piece, size });
      } else {
        if (chosen.length === 0) this.#cut(lookup, budget, chosen);
        break;
      }
    }
    return chosen;
  }

  /** Chooses the longest run of samples of a large lookup that fits, at least one. */
  #cut(lookup: Lookup, budget: number, chosen: Chosen[]): void {
    const { batch } = lookup;
    try {
      lookup.offsets ??= copyOffsets(batch);
    } catch (error) {
      this.#queue.shift();
      lookup.reject(error as EmbeddingError);
      return;
    }
    const size = (piece: Piece): Chosen => ({ lookup, piece, size: measurePiece(piece, this.#columns(lookup)) });
    const from = { batch, first: lookup.dispatched, offsets: lookup.offsets, maxSamples: this.#context.map.stepSamples };
    chosen.push(size(largestPiece(from, (piece) => this.#bytes([size(piece)]) <= budget)));
  }

  #columns(lookup: Lookup): number {
    return this.#context.shape?.columns ?? lookup.batch.picks.columns;
  }

  /** Bytes that a step of these pieces takes, an upper bound. */
  #bytes(chosen: readonly Chosen[]): number {
    return this.#blockBytes(chosen) + chosen.reduce((sum, { size }) => sum + size.resultBytes, 0);
  }

  #blockBytes(chosen: readonly Chosen[]): number {
    const { ranks, inputColumns } = this.#context;
    let bytes = chosen.length * (LAYOUT.PIECE_BYTES + ranks * LAYOUT.ERROR_BYTES) + lines(1);
    let scratch = 0;
    let samples = 0;
    for (const { size, piece } of chosen) {
      bytes += size.inputBytes;
      scratch = Math.max(scratch, size.scratchBytes);
      samples += piece.count;
    }
    return bytes + scratch * ranks + lines(samples * inputColumns * 4);
  }

  /** Copies the chosen pieces and asks the ranks for the step. False when there was no room; then nothing has happened. */
  #dispatch(chosen: readonly Chosen[]): boolean {
    const { allocator, results, ranks, inputColumns, views, map } = this.#context;
    const blockPtr = allocator.allocate(this.#blockBytes(chosen));
    if (blockPtr < 0) return false;
    const buffer = results.allocate(chosen.reduce((sum, { size }) => sum + size.resultBytes, 0));
    if (buffer === undefined) {
      allocator.free(blockPtr);
      return false;
    }
    const piecesPtr = blockPtr;
    const errorsPtr = piecesPtr + chosen.length * LAYOUT.PIECE_BYTES;
    const scratchPtr = lines(errorsPtr + chosen.length * ranks * LAYOUT.ERROR_BYTES);
    const scratchBytes = Math.max(...chosen.map(({ size }) => size.scratchBytes));
    const stageInputPtr = scratchPtr + scratchBytes * ranks;
    let inputPtr = stageInputPtr + lines(chosen.reduce((sum, { piece }) => sum + piece.count, 0) * inputColumns * 4);
    let resultPtr = buffer.ptr;
    let samples = 0;
    const placed: Placed[] = [];
    for (const one of chosen) {
      const { lookup, piece, size } = one;
      const recordPtr = piecesPtr + placed.length * LAYOUT.PIECE_BYTES;
      const rowColumns = this.#columns(lookup);
      try {
        copyPiece(piece, {
          views,
          kernel: this.#context.kernel,
          wholeMapPtr: map.featureMapPtr,
          inputPtr,
          resultPtr,
          rowColumns,
          recordPtr,
          firstSample: samples,
        });
        this.#copyStageInput(piece, stageInputPtr + samples * inputColumns * 4);
      } catch (error) {
        this.#take(one);
        lookup.reject(error as EmbeddingError);
        continue;
      }
      placed.push({ ...one, resultPtr, offsetsPtr: views.words[(recordPtr + LAYOUT.PIECE_OFFSETS_PTR) / 4] });
      samples += piece.count;
      inputPtr += size.inputBytes;
      // A stage writes one array for all pieces; without it each piece has its own rows and jagged values.
      resultPtr = this.#context.shape === undefined ? resultPtr + size.resultBytes : buffer.ptr + samples * rowColumns * 4;
    }
    if (placed.length === 0) {
      allocator.free(blockPtr);
      buffer.letGo();
      return true;
    }
    views.bytes.fill(0, errorsPtr, errorsPtr + placed.length * ranks * LAYOUT.ERROR_BYTES);
    const step: Step = { step: this.#next, ordinal: this.#ordinal, blockPtr, errorsPtr, buffer, pieces: placed };
    this.#writeStep(step, { samples, piecesPtr, scratchPtr, scratchBytes, inputPtr: stageInputPtr });
    for (const one of placed) this.#take(one, step.ordinal);
    if (placed.length > 1) this.stats.coalescedLookups += placed.length;
    this.stats.steps += 1;
    this.#ordinal += 1;
    this.#steps.push(step);
    this.#next = (this.#next + 1) | 0;
    this.#context.counters.setRequested(this.#next);
    for (let rank = 0; rank < ranks; rank += 1) this.#context.counters.ring(rank);
    return true;
  }

  #writeStep(step: Step, rest: { samples: number; piecesPtr: number; scratchPtr: number; scratchBytes: number; inputPtr: number }): void {
    const { views, map } = this.#context;
    const at = (map.stepsPtr + (step.step & (map.windows - 1)) * STEP.BYTES) / 4;
    const { words } = views;
    words[at + STEP.PIECE_COUNT / 4] = step.pieces.length;
    words[at + STEP.PIECES_PTR / 4] = rest.piecesPtr;
    words[at + STEP.SAMPLES / 4] = rest.samples;
    words[at + STEP.ERRORS_PTR / 4] = step.errorsPtr;
    words[at + STEP.SCRATCH_PTR / 4] = rest.scratchPtr;
    words[at + STEP.SCRATCH_BYTES / 4] = rest.scratchBytes;
    words[at + STEP.INPUT_PTR / 4] = rest.inputPtr;
    words[at + STEP.OUTPUT_PTR / 4] = step.buffer.ptr;
    words[at + STEP.STAGE_FAILED / 4] = 0;
  }

  #copyStageInput(piece: Piece, ptr: number): void {
    const { inputColumns, views } = this.#context;
    const { stageInput } = piece.batch;
    if (stageInput === undefined) return;
    const rows = stageInput.subarray(piece.first * inputColumns, (piece.first + piece.count) * inputColumns);
    copyBytes(views, ptr, rows, piece.count * inputColumns * 4);
  }

  /** The piece's samples are on their way (or refused): moves its lookup on, out of the queue with the last one. */
  #take({ lookup, piece }: Chosen, ordinal?: number): void {
    lookup.dispatched += piece.count;
    lookup.step = ordinal;
    if (!piece.whole && piece.first === 0) this.stats.cutLookups += 1;
    if (lookup.dispatched >= lookup.batch.batchSize || ordinal === undefined) this.drop(lookup);
  }

  /** Delivers a step that is over and frees what it held. */
  #finish(step: Step): void {
    const failed = this.#stageError(step);
    for (let p = 0; p < step.pieces.length; p += 1) {
      const { lookup } = step.pieces[p];
      if (lookup.settled) continue;
      const error = failed ?? this.#indexError(step, p);
      if (error !== undefined) lookup.reject(error);
      else {
        try {
          this.#deliver(step.pieces[p], step.buffer);
        } catch (cause) {
          lookup.reject(new EmbeddingError("EMBEDDING_MEMORY_LIMIT", `the result could not be handed over: ${String(cause)}`, { cause }));
        }
      }
    }
    this.#context.allocator.free(step.blockPtr);
    step.buffer.letGo();
  }

  #stageError(step: Step): EmbeddingError | undefined {
    const { views, map, ranks } = this.#context;
    const slot = step.step & (map.windows - 1);
    const failed = views.words[(map.stepsPtr + slot * STEP.BYTES + STEP.STAGE_FAILED) / 4];
    if (failed === 0) return undefined;
    const ptr = map.stageErrorsPtr + (slot * ranks + failed - 1) * STAGE_ERROR_BYTES;
    const text = Buffer.from(views.bytes.slice(ptr, ptr + STAGE_ERROR_BYTES)).toString("utf8");
    return fromRecord(JSON.parse(text.slice(0, text.indexOf("\0"))) as ErrorRecord);
  }

  /** The lowest bad index of a piece over all ranks, if there is one. */
  #indexError(step: Step, p: number): EmbeddingError | undefined {
    const { views, ranks } = this.#context;
    const word = (ptr: number, field: number): number => views.words[(ptr + field) / 4];
    let lowest: number | undefined;
    for (let rank = 0; rank < ranks; rank += 1) {
      const ptr = step.errorsPtr + (rank * step.pieces.length + p) * LAYOUT.ERROR_BYTES;
      if (word(ptr, LAYOUT.ERROR_STATUS) === LAYOUT.STATUS_OK) continue;
      const slots = lowest === undefined ? -1 : word(ptr, LAYOUT.ERROR_SLOT) - word(lowest, LAYOUT.ERROR_SLOT);
      if (lowest === undefined || slots < 0 || (slots === 0 && word(ptr, LAYOUT.ERROR_POSITION) < word(lowest, LAYOUT.ERROR_POSITION)))
        lowest = ptr;
    }
    if (lowest === undefined) return undefined;
    return indexError(step.pieces[p].piece, views.words, lowest, step.pieces[p].offsetsPtr);
  }

  #deliver({ lookup, piece, resultPtr }: Placed, buffer: ResultBuffer): void {
    const { views, results } = this.#context;
    const { batch, out } = lookup;
    const shape = this.#context.shape ?? batch.picks;
    const placed = { first: piece.first, count: piece.count, ptr: resultPtr };
    if (piece.whole && out === undefined) {
      const lease = results.lease(buffer);
      if (lease !== undefined) {
        const rows = viewRows(batch, shape, views.floats, placed);
        const token = results.watch(lease, [rows.values, ...rows.jagged]);
        lookup.resolve(new FinishedLookup(batch, resultParts(batch, shape, rows.values, rows.jagged), lease, token));
        return;
      }
    }
    lookup.gathered ??= new GatheredRows(batch, shape, out);
    lookup.gathered.put(views.floats, placed);
    if (lookup.gathered.samples < batch.batchSize) return;
    lookup.resolve(new FinishedLookup(batch, resultParts(batch, shape, lookup.gathered.values, lookup.gathered.jagged)));
  }
}
