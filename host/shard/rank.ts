import { Counters } from "../collective/counters.js";
import { MOST_UNITS, OPEN_STEPS, openSlot } from "../collective/offers.js";
import { toRecord } from "../errors.js";
import type { KernelExports } from "../memory/abi.js";
import { instantiateKernel } from "../memory/kernel.js";
import { type MemoryMap, RANK_STATS_BYTES, STAGE_ERROR_BYTES, STEP, TRACE, UNIT } from "../memory/map.js";
import type { RankJobs } from "../memory/records.js";
import type { WasmMemory, WasmModule } from "../memory/wasm.js";
import { PartPool, type PieceRange } from "./pooling.js";
import { JobRuns } from "./runs.js";
import { checkStageOutput, type Stage, type StageSlice } from "./stage.js";
import { StepReader, sliceStart } from "./step-reader.js";
import { UnitCutter } from "./units.js";

/** What a rank is started with. Cloned to its thread; the memories are shared. */
export interface RankConfig {
  rank: number;
  ranks: number;
  lagBound: number;
  /** First value of the step counters. */
  counterStart: number;
  spins: number;
  map: MemoryMap;
  /** Of every rank. */
  jobs: RankJobs[];
  reductionCount: number;
  /** Bytes of rows that ranks take from each other at a time; undefined: they take nothing. */
  stealUnitBytes: number | undefined;
  kernel: WasmModule;
  /** One for each rank, or one for all. */
  tables: WasmMemory[];
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
  stolenRows: 8,
  helpMs: 9,
  waitForHelpersMs: 10,
  coreMs: 14,
  waitForCoreMs: 15,
} as const;

/** A step's work on one rank: pooling into windows and results, then reducing and running the stage on the rank's own slice. */
export class RankWork {
  readonly #config: RankConfig;
  readonly #kernel: KernelExports;
  readonly #stage: Stage | undefined;
  readonly #reader: StepReader;
  readonly #runs: JobRuns;
  readonly #cutter: UnitCutter | undefined;
  readonly #parts: (PartPool | undefined)[] = [];
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly counters: Counters;
  readonly stats: Float64Array;
  /** The step of this rank's own part that was noted last, and the rows that it gathered for it so far. */
  #tracedStep = 0;
  #tracedRows = 0;
  /** Steps since the start as a plain number; the 32-bit counters wrap. */
  #finished = 0;

  constructor(config: RankConfig, kernel: KernelExports, stage: Stage | undefined) {
    const { map, exchange } = config;
    this.#config = config;
    this.#kernel = kernel;
    this.#stage = stage;
    const { rank, ranks, jobs } = config;
    const featureBytes = config.stage && config.stage.featureColumns * 4;
    this.#reader = new StepReader(new Uint32Array(exchange.buffer), map, { ranks, featureBytes });
    this.#runs = new JobRuns(this.#reader, { map, jobs, stage: stage !== undefined });
    const unitBytes = config.stealUnitBytes;
    if (unitBytes !== undefined)
      this.#cutter = new UnitCutter(this.#reader, { rank, ranks, runs: this.#runs, unitBytes, unitsPtr: this.#unitsPtr(rank) });
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
    const samples = this.#reader.field(step, STEP.SAMPLES);
    return sliceStart(samples, rank, ranks) === sliceStart(samples, rank + 1, ranks);
  }

  /** Pools this rank's part of a step, all of it. */
  write(step: number): void {
    this.#pool(step, { first: 0, count: this.#reader.field(step, STEP.PIECE_COUNT), rank: this.#config.rank });
  }

  /** Pools pieces of the part of `rank`. */
  #pool(step: number, pieces: PieceRange): void {
    for (const run of this.#runs.of(step, pieces.rank)) this.#part(run.owner).pool(step, run, pieces);
  }

  /** Cuts this rank's part of a step into units, which are then ready to be offered; 0 when it is too small to be shared. */
  cut(step: number): number {
    return this.#cutter?.cut(step) ?? 0;
  }

  /** Pools a unit of a step that `rank` has offered, this one or another. */
  poolUnit(rank: number, step: number, unit: number): void {
    const ptr = this.#unitsPtr(rank) + (openSlot(step) * MOST_UNITS + unit) * UNIT.BYTES;
    const count = this.#reader.word(ptr + UNIT.PIECE_COUNT);
    if (count > 0) this.#pool(step, { first: this.#reader.word(ptr + UNIT.FIRST_PIECE), count, rank });
    else this.#part(this.#reader.word(ptr + UNIT.OWNER)).poolUnit(step, ptr);
  }

  /**
   * Finishes this rank's slice of a complete step: adds partial sums up, runs the stage. Returns a promise while the stage has one.
   * Never throws: what a stage throws is noted in the step's record.
   */
  finish(step: number): Promise<void> | undefined {
    const { map, ranks, rank, reductionCount } = this.#config;
    const number = this.#finished;
    this.#finished += 1;
    const samples = this.#reader.field(step, STEP.SAMPLES);
    const window = this.#reader.window(step, rank);
    if (reductionCount > 0) {
      const pieces = this.#reader.field(step, STEP.PIECE_COUNT);
      for (let p = 0; p < pieces; p += 1) {
        const piece = this.#reader.piece(step, p);
        const cut = this.#reader.cut(piece, samples, rank);
        if (cut.bags === 0) continue;
        const [dest, stride] = this.#reader.destination(piece, cut, window);
        this.#kernel.reducePiece(map.reductionsPtr, reductionCount, piece, cut.bags, window, cut.windowRow, dest, stride);
      }
    }
    const firstSample = sliceStart(samples, rank, ranks);
    const sampleCount = sliceStart(samples, rank + 1, ranks) - firstSample;
    if (this.#stage === undefined || sampleCount === 0) return undefined;
    return this.#runStage(this.#stage, step, window, { step: number, firstSample, sampleCount });
  }

  /**
   * This rank has pooled bags of its own part of a step, which it began at beganMs, since nowMs (both performance.now()). Rows and time go to the
   * stats and to the step's trace; before the step is published, for the caller reads it when it is over.
   */
  noteWrite(step: number, beganMs: number, sinceMs: number): void {
    const endMs = performance.now();
    const rows = this.#takeRows();
    if (step !== this.#tracedStep) this.#tracedRows = 0;
    this.#tracedStep = step;
    this.#tracedRows += rows;
    this.stats[RANK_STAT.writeMs] += endMs - sinceMs;
    const trace = this.#trace(step);
    this.#doubles[trace + TRACE.WRITE_START / 8] = performance.timeOrigin + beganMs;
    this.#doubles[trace + TRACE.WRITE_END / 8] = performance.timeOrigin + endMs;
    this.#doubles[trace + TRACE.GATHERED_ROWS / 8] = this.#tracedRows;
  }

  /** This rank has pooled for another one since sinceMs. */
  noteHelp(sinceMs: number): void {
    this.stats[RANK_STAT.stolenRows] += this.#takeRows();
    this.stats[RANK_STAT.helpMs] += performance.now() - sinceMs;
  }

  /** Rows that were gathered since the last call, from whatever tables. */
  #takeRows(): number {
    let rows = 0;
    // A rank that has not pooled from a table of some other rank yet has a hole there.
    for (const part of this.#parts) if (part !== undefined) rows += part.takeGatheredRows();
    this.stats[RANK_STAT.gatheredRows] += rows;
    return rows;
  }

  /** A step's slice is final. promised: its stage went on elsewhere meanwhile. Before the step is released, for the caller reads it then. */
  noteFinish(step: number, startMs: number, promised: boolean): void {
    const endMs = performance.now();
    this.stats[RANK_STAT.finishMs] += endMs - startMs;
    const trace = this.#trace(step);
    this.#doubles[trace + TRACE.FINISH_START / 8] = performance.timeOrigin + startMs;
    this.#doubles[trace + TRACE.FINISH_END / 8] = performance.timeOrigin + endMs;
    this.#doubles[trace + TRACE.PROMISED / 8] = promised ? 1 : 0;
    this.#doubles[trace + TRACE.CORE / 8] = this.stats[RANK_STAT.coreMs];
    this.#doubles[trace + TRACE.WAIT_FOR_CORE / 8] = this.stats[RANK_STAT.waitForCoreMs];
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
      const input = this.#reader.field(step, STEP.INPUT_PTR) / 4 + firstSample * config.inputColumns;
      slice.input = this.#floats.subarray(input, input + sampleCount * config.inputColumns);
    }
    const place = (output: unknown): void => {
      const values = checkStageOutput(output, sampleCount, config.columns);
      this.#floats.set(values, this.#reader.field(step, STEP.OUTPUT_PTR) / 4 + firstSample * config.columns);
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

  /** What pools from the tables of `owner` on this thread: any thread may have a kernel over any rank's tables. Made when it is first needed. */
  #part(owner: number): PartPool {
    const known = this.#parts[owner];
    if (known !== undefined) return known;
    const part = this.#openPart(owner);
    this.#parts[owner] = part;
    return part;
  }

  #openPart(owner: number): PartPool {
    const { kernel, tables, exchange, ranks, rank } = this.#config;
    const own = owner === rank || tables.length === 1;
    const part = own ? this.#kernel : instantiateKernel(kernel, tables[owner], exchange);
    return new PartPool(this.#reader, part, { by: rank, ranks });
  }

  #unitsPtr(owner: number): number {
    return this.#config.map.unitsPtr + owner * OPEN_STEPS * MOST_UNITS * UNIT.BYTES;
  }
}
