import { Counters } from "../collective/counters.js";
import { toRecord } from "../errors.js";
import type { KernelExports } from "../memory/abi.js";
import { LAYOUT } from "../memory/abi.js";
import { type MemoryMap, RANK_STATS_BYTES, STAGE_ERROR_BYTES, STEP, TRACE } from "../memory/map.js";
import type { RankJobs } from "../memory/records.js";
import type { WasmMemory, WasmModule } from "../memory/wasm.js";
import { checkStageOutput, type Stage, type StageSlice } from "./stage.js";

/** What a rank is started with. Cloned to its thread; the memories are shared. */
export interface RankConfig {
  rank: number;
  ranks: number;
  lagBound: number;
  /** First value of the step counters. */
  counterStart: number;
  spins: number;
  map: MemoryMap;
  jobs: RankJobs;
  reductionCount: number;
  kernel: WasmModule;
  tables: WasmMemory;
  exchange: WasmMemory;
  stage:
    | { href: string; options: unknown; inputColumns: number; columns: number; featureColumns: number; columnOffsets: number[] }
    | undefined;
}

/** Indices into a rank's float64 counters. */
export const RANK_STAT = {
  gatheredRows: 0,
  writeMs: 1,
  finishMs: 2,
  waitForCreditMs: 3,
  waitForDataMs: 4,
  waitForStageMs: 5,
  idleMs: 6,
  waits: 7,
  coreMs: 14,
  waitForCoreMs: 15,
} as const;

/** First sample of rank j's slice of a step of `samples` samples. */
export function sliceStart(samples: number, rank: number, ranks: number): number {
  return Math.floor((samples * rank) / ranks);
}

/** A step's work on one rank: pooling into windows and results, then reducing and running the stage on the rank's own slice. */
export class RankWork {
  readonly #config: RankConfig;
  readonly #kernel: KernelExports;
  readonly #stage: Stage | undefined;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly counters: Counters;
  readonly stats: Float64Array;
  /** Steps since the start as a plain number; the 32-bit counters wrap. */
  #finished = 0;

  constructor(config: RankConfig, kernel: KernelExports, stage: Stage | undefined) {
    const { map, exchange } = config;
    this.#config = config;
    this.#kernel = kernel;
    this.#stage = stage;
    this.#words = new Uint32Array(exchange.buffer);
    this.#floats = new Float32Array(exchange.buffer);
    this.#doubles = new Float64Array(exchange.buffer);
    this.counters = new Counters(
      new Int32Array(exchange.buffer, map.controlPtr, Counters.byteLength(config.ranks) / Int32Array.BYTES_PER_ELEMENT),
      config.ranks,
    );
    this.stats = new Float64Array(exchange.buffer, map.statsPtr + config.rank * RANK_STATS_BYTES, RANK_STATS_BYTES / 8);
  }

  /** Whether the oldest unreleased step can be finished without user code. */
  isQuick(step: number): boolean {
    if (this.#stage === undefined) return true;
    const { rank, ranks } = this.#config;
    const samples = this.#step(step, STEP.SAMPLES);
    return sliceStart(samples, rank, ranks) === sliceStart(samples, rank + 1, ranks);
  }

  /**
   * Pools this rank's part of a step. Rows that need no more work go straight to their place in the results; partial sums and the
   * stage's features to the windows of the ranks that own the samples.
   */
  write(step: number): void {
    const { jobs, map, ranks, rank } = this.#config;
    if (jobs.count === 0) return;
    const pieces = this.#step(step, STEP.PIECE_COUNT);
    const samples = this.#step(step, STEP.SAMPLES);
    const scratch = this.#step(step, STEP.SCRATCH_PTR) + rank * this.#step(step, STEP.SCRATCH_BYTES);
    const throughWindows = this.#stage !== undefined || jobs.partial;
    for (let p = 0; p < pieces; p += 1) {
      const piece = this.#step(step, STEP.PIECES_PTR) + p * LAYOUT.PIECE_BYTES;
      const error = this.#step(step, STEP.ERRORS_PTR) + (rank * pieces + p) * LAYOUT.ERROR_BYTES;
      const count = this.#word(piece + LAYOUT.PIECE_BATCH_SIZE);
      if (!throughWindows) {
        const result = this.#word(piece + LAYOUT.PIECE_RESULT_PTR);
        const stride = this.#word(piece + LAYOUT.PIECE_RESULT_STRIDE_BYTES);
        this.#kernel.poolPiece(jobs.ptr, jobs.count, piece, 0, count, result, stride, 0, 0, scratch, error);
        continue;
      }
      for (let receiver = 0; receiver < ranks; receiver += 1) {
        const cut = this.#cut(piece, samples, receiver);
        if (cut.bags === 0) continue;
        const window = map.windowsPtr + ((step & (map.windows - 1)) * ranks + receiver) * map.windowBytes;
        const [dest, stride] = this.#destination(piece, cut.firstBag, window, cut.windowRow);
        this.#kernel.poolPiece(jobs.ptr, jobs.count, piece, cut.firstBag, cut.bags, dest, stride, window, cut.windowRow, scratch, error);
      }
    }
  }

  /**
   * Finishes this rank's slice of a complete step: adds partial sums up, runs the stage. Returns a promise while the stage has one.
   * Never throws: what a stage throws is noted in the step's record.
   */
  finish(step: number): Promise<void> | undefined {
    const { map, ranks, rank, reductionCount } = this.#config;
    const number = this.#finished;
    this.#finished += 1;
    const samples = this.#step(step, STEP.SAMPLES);
    const window = map.windowsPtr + ((step & (map.windows - 1)) * ranks + rank) * map.windowBytes;
    if (reductionCount > 0) {
      const pieces = this.#step(step, STEP.PIECE_COUNT);
      for (let p = 0; p < pieces; p += 1) {
        const piece = this.#step(step, STEP.PIECES_PTR) + p * LAYOUT.PIECE_BYTES;
        const cut = this.#cut(piece, samples, rank);
        if (cut.bags === 0) continue;
        const [dest, stride] = this.#destination(piece, cut.firstBag, window, cut.windowRow);
        this.#kernel.reducePiece(map.reductionsPtr, reductionCount, piece, cut.bags, window, cut.windowRow, dest, stride);
      }
    }
    const firstSample = sliceStart(samples, rank, ranks);
    const sampleCount = sliceStart(samples, rank + 1, ranks) - firstSample;
    if (this.#stage === undefined || sampleCount === 0) return undefined;
    return this.#runStage(this.#stage, step, window, { step: number, firstSample, sampleCount });
  }

  /** A step is written: rows gathered by the kernel since the last call, and the time it took (performance.now()), go to the stats and to the step's trace. */
  noteWrite(step: number, startMs: number, endMs: number): void {
    const rows = this.#kernel.takeGatheredRows();
    this.stats[RANK_STAT.gatheredRows] += rows;
    this.stats[RANK_STAT.writeMs] += endMs - startMs;
    const trace = this.#trace(step);
    this.#doubles[trace + TRACE.WRITE_START / 8] = performance.timeOrigin + startMs;
    this.#doubles[trace + TRACE.WRITE_END / 8] = performance.timeOrigin + endMs;
    this.#doubles[trace + TRACE.GATHERED_ROWS / 8] = rows;
  }

  /** A step's slice is final. promised: its stage was waited for with a promise. Before the step is released, for the caller reads it then. */
  noteFinish(step: number, startMs: number, promised: boolean): void {
    const endMs = performance.now();
    this.stats[RANK_STAT.finishMs] += endMs - startMs;
    const trace = this.#trace(step);
    this.#doubles[trace + TRACE.FINISH_START / 8] = performance.timeOrigin + startMs;
    this.#doubles[trace + TRACE.FINISH_END / 8] = performance.timeOrigin + endMs;
    this.#doubles[trace + TRACE.PROMISED / 8] = promised ? 1 : 0;
  }

  /** Index of this rank's trace record of a step. */
  #trace(step: number): number {
    const { map, ranks, rank } = this.#config;
    return (map.tracePtr + ((step & (map.windows - 1)) * ranks + rank) * TRACE.BYTES) / 8;
  }

  #runStage(stage: Stage, step: number, window: number, slice: StageSlice): Promise<void> | undefined {
    const config = this.#config.stage;
    if (config === undefined) return undefined;
    const { firstSample, sampleCount } = slice;
    const features = this.#floats.subarray(window / 4, window / 4 + sampleCount * config.featureColumns);
    if (config.inputColumns > 0) {
      const input = this.#step(step, STEP.INPUT_PTR) / 4 + firstSample * config.inputColumns;
      slice.input = this.#floats.subarray(input, input + sampleCount * config.inputColumns);
    }
    const place = (output: unknown): void => {
      const values = checkStageOutput(output, sampleCount, config.columns);
      this.#floats.set(values, this.#step(step, STEP.OUTPUT_PTR) / 4 + firstSample * config.columns);
    };
    try {
      const output: unknown = stage.run(features, slice);
      if (typeof (output as PromiseLike<unknown> | undefined)?.then !== "function") {
        place(output);
        return undefined;
      }
      return Promise.resolve(output as PromiseLike<unknown>)
        .then(place)
        .catch((error: unknown) => this.#noteStageError(step, slice.step, error));
    } catch (error) {
      this.#noteStageError(step, slice.step, error);
      return undefined;
    }
  }

  /** Leaves the error as JSON in this rank's text of the step's ring slot, then names the rank in the record. */
  #noteStageError(step: number, number: number, error: unknown): void {
    const { map, ranks, rank } = this.#config;
    const record = { ...toRecord(error, "EMBEDDING_STAGE", `rank ${rank}, step ${number}: the stage failed`), rank, step: number };
    const slot = step & (map.windows - 1);
    const ptr = map.stageErrorsPtr + (slot * ranks + rank) * STAGE_ERROR_BYTES;
    const room = new Uint8Array(this.#config.exchange.buffer, ptr, STAGE_ERROR_BYTES);
    if (record.cause !== undefined) record.cause = { name: record.cause.name, message: record.cause.message.slice(0, 200) };
    record.message = record.message.slice(0, 400);
    const text = new TextEncoder().encode(JSON.stringify(record));
    // A text that is still too long (many bytes a character) gives way to one that surely fits.
    const fitting =
      text.length < STAGE_ERROR_BYTES
        ? text
        : new TextEncoder().encode(JSON.stringify({ code: record.code, message: "the stage failed", rank, step: number }));
    room.fill(0);
    room.set(fitting);
    const flags = new Int32Array(this.#config.exchange.buffer, map.stepsPtr + slot * STEP.BYTES, STEP.BYTES / 4);
    // The lowest rank that failed is the one to be named, whoever was first.
    for (let seen = 0; seen === 0 || seen > rank + 1; ) {
      const before = Atomics.compareExchange(flags, STEP.STAGE_FAILED / 4, seen, rank + 1);
      if (before === seen) break;
      seen = before;
    }
  }

  /** The part of a piece that falls into a receiver's slice: its first bag, how many, and their first row in the receiver's window. */
  #cut(piece: number, samples: number, receiver: number): { firstBag: number; bags: number; windowRow: number } {
    const { ranks } = this.#config;
    const pieceStart = this.#word(piece + LAYOUT.PIECE_FIRST_SAMPLE);
    const pieceEnd = pieceStart + this.#word(piece + LAYOUT.PIECE_BATCH_SIZE);
    const start = sliceStart(samples, receiver, ranks);
    const first = Math.max(pieceStart, start);
    const end = Math.min(pieceEnd, sliceStart(samples, receiver + 1, ranks));
    return { firstBag: first - pieceStart, bags: Math.max(0, end - first), windowRow: first - start };
  }

  /** Where a bag's final row goes: the window's features before a stage, else the result. */
  #destination(piece: number, firstBag: number, window: number, windowRow: number): [ptr: number, strideBytes: number] {
    const stage = this.#config.stage;
    if (stage !== undefined) return [window + windowRow * stage.featureColumns * 4, stage.featureColumns * 4];
    const stride = this.#word(piece + LAYOUT.PIECE_RESULT_STRIDE_BYTES);
    return [this.#word(piece + LAYOUT.PIECE_RESULT_PTR) + firstBag * stride, stride];
  }

  #word(ptr: number): number {
    return this.#words[ptr / 4];
  }

  #step(step: number, field: number): number {
    const { stepsPtr, windows } = this.#config.map;
    return this.#words[(stepsPtr + (step & (windows - 1)) * STEP.BYTES + field) / 4];
  }
}
