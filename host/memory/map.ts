import { Counters, windowCount } from "../collective/counters.js";
import { MOST_UNITS, Offers, OPEN_STEPS } from "../collective/offers.js";
import { EmbeddingError } from "../errors.js";
import type { Plan } from "../plan/plan.js";
import { LAYOUT, partialRowBytes, STATIC_BYTES } from "./abi.js";
import type { MemoryMode } from "./kernel.js";

const GIB = 2 ** 30;
const LINE_BYTES = 64;
/** Pointers are 32 bits wide; the last page stays unused so that the end of a block is a pointer too. */
export const MEMORY_LIMIT_BYTES = 4 * GIB - 65536;
/** What to tell whoever runs into the limit of one memory. */
export const ONE_MEMORY_HINT = 'with Node 22 or later, memory: "two" lifts the limit to 4 GiB a rank';
/** Windows take at most this part of the exchange memory, and at most WINDOWS_LIMIT_BYTES. */
const WINDOWS_SHARE = 0.25;
const WINDOWS_LIMIT_BYTES = GIB;
const MAX_SLICE_SAMPLES = 16384;
const MIN_HEAP_BYTES = 2 ** 20;
/** Float64 counters that a rank keeps for stats(). */
export const RANK_STATS_BYTES = 2 * LINE_BYTES;
/** Bytes of the text that a rank leaves when a stage throws. */
export const STAGE_ERROR_BYTES = 2048;

/**
 * A step's record, one per ring slot, written by the caller before it counts up `requested`:
 *
 *    0 pieceCount   4 piecesPtr    8 samples     12 errorsPtr    16 scratchPtr   20 scratchBytes
 *   24 inputPtr    28 outputPtr   32 stageFailed (first rank + 1, written by ranks)
 *   36 indexCount  40 indexCountsPtr  44 replication
 *
 * replication: number of the set of replicated tables; the set itself lies in the slot's part of replicatedPtr.
 * indexCount: indices of all pieces; indexCountsPtr: of each. errorsPtr: [ranks, pieceCount] error records, a row for each rank that pools. scratch: scratchBytes for each rank. inputPtr: stage input [samples, inputColumns].
 * outputPtr: what the stage returned [samples, columns].
 */
export const STEP = {
  PIECE_COUNT: 0,
  PIECES_PTR: 4,
  SAMPLES: 8,
  ERRORS_PTR: 12,
  SCRATCH_PTR: 16,
  SCRATCH_BYTES: 20,
  INPUT_PTR: 24,
  OUTPUT_PTR: 28,
  STAGE_FAILED: 32,
  INDEX_COUNT: 36,
  INDEX_COUNTS_PTR: 40,
  REPLICATION: 44,
  BYTES: 64,
} as const;

/**
 * What a rank notes of a step, for each ring slot and rank, as float64; the caller copies it when the step is over:
 *
 *    0 writeStartMs  8 writeEndMs   16 finishStartMs 24 finishEndMs  32 gatheredRows 40 promised (0 or 1)
 *   48 coreMs       56 waitForCoreMs
 *
 * Times are milliseconds since 1970 (performance.timeOrigin + performance.now()), so that those of all threads compare; the last two are those of
 * RankStats when the rank finished the step, as it last looked.
 */
export const TRACE = {
  WRITE_START: 0,
  WRITE_END: 8,
  FINISH_START: 16,
  FINISH_END: 24,
  GATHERED_ROWS: 32,
  PROMISED: 40,
  CORE: 48,
  WAIT_FOR_CORE: 56,
  BYTES: 64,
} as const;

/**
 * A unit of a rank's part of a step, written by that rank before it offers the step's units:
 *
 *    0 firstPiece   4 pieceCount   8 jobsPtr     12 jobCount     16 firstBag     20 bags         24 receiver     28 owner
 *
 * pieceCount > 0: whole pieces, all runs of jobs; nothing else is written. 0: bags of one piece for a run of jobs over the tables of `owner`, of one
 * receiver where rows go through windows, else of NO_RECEIVER.
 */
export const UNIT = {
  FIRST_PIECE: 0,
  PIECE_COUNT: 4,
  JOBS_PTR: 8,
  JOB_COUNT: 12,
  FIRST_BAG: 16,
  BAGS: 20,
  RECEIVER: 24,
  OWNER: 28,
  BYTES: 32,
} as const;

/** Of a unit whose rows go straight to the results. */
export const NO_RECEIVER = 0xffff_ffff;

/** What the map needs to know of a feature. */
export interface MapFeature {
  table: number;
  pooled: boolean;
}

/** What the memories have to hold. */
export interface MapInput {
  mode: MemoryMode;
  ranks: number;
  lagBound: number;
  plan: Plan;
  tables: readonly { dim: number }[];
  features: readonly MapFeature[];
  /** Bytes of the exchange memory, upper limit. */
  exchangeMemoryBytes: number;
  /** Bytes that the windows may take, besides their other limits. */
  windowsLimitBytes?: number;
  /** Whether a stage runs: then pooled rows go through the windows. */
  stage: boolean;
  /** Whether idle ranks help: then each rank has room for the units of its step. */
  workStealing: boolean;
}

/** Where everything lies. Plain numbers, so that it can be sent to the ranks. Pointers are absolute in their memory. */
export interface MemoryMap {
  mode: MemoryMode;
  /** Bytes of each rank's tables memory; with one memory, a single entry for all of it. */
  tablesBytes: number[];
  /** Bytes of the exchange memory; with one memory the same as tablesBytes[0]. */
  exchangeBytes: number;
  /** Pointer to each shard's first row, in the tables memory of its rank. */
  shardPtrs: number[];
  /** Pointer to the key index of each shard's table, in the tables memory of its rank; 0 without keys. Shards of a table in one memory share it. */
  keyIndexPtrs: number[];
  controlPtr: number;
  statsPtr: number;
  stepsPtr: number;
  stageErrorsPtr: number;
  /** [windows, ranks] trace records. */
  tracePtr: number;
  /** For each slot of the ring, a bit for each feature whose table is replicated in the slot's step: bit f % 32 of word f / 32; replicatedBytes a slot. */
  replicatedPtr: number;
  replicatedBytes: number;
  /** Words of Offers, and MOST_UNITS unit records for each open step of each rank; nothing lies there without work stealing. */
  offersPtr: number;
  unitsPtr: number;
  jobsPtr: number;
  reductionsPtr: number;
  featureMapPtr: number;
  /** Windows of a receiver, a power of two; also the slots of the ring of steps. */
  windows: number;
  windowsPtr: number;
  windowBytes: number;
  /** Samples of a step that one receiver's window has room for. */
  sliceSamples: number;
  /** Most samples of a step. */
  stepSamples: number;
  /** Start of the partial sums of (feature, shard) within a window: [partialByte, countsByte]; by `feature * shards + shard`. */
  partials: Map<number, [number, number]>;
  heapPtr: number;
  heapBytes: number;
}

/** Rounds up to a cache line. */
export function alignLine(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}

/** Whether the pooled rows of a feature are partial sums: its table is cut by rows. */
export function isPartial(plan: Plan, feature: MapFeature): boolean {
  const table = plan.tables[feature.table];
  return feature.pooled && table.by === "row" && table.shards.length > 1;
}

/** Bytes of all key indexes in all memories. */
export function keyIndexBytesOf(plan: Plan, { keyIndexPtrs, mode }: Pick<MemoryMap, "keyIndexPtrs" | "mode">): number {
  return plan.tables.reduce((sum, { shards, keyIndexBytes }) => {
    const copies = new Set(shards.map((s) => (mode === "two" ? plan.shards[s].rank : keyIndexPtrs[s])));
    return sum + keyIndexBytes * copies.size;
  }, 0);
}

/** Key of MemoryMap.partials. */
export function partialKey(plan: Plan, feature: number, shard: number): number {
  return feature * plan.shards.length + shard;
}

/** Bytes of a window with room for `samples` samples, and where its parts are. */
function layWindow(input: MapInput, samples: number): { bytes: number; partials: Map<number, [number, number]> } {
  const { plan, features, tables } = input;
  let bytes = 0;
  if (input.stage) bytes += alignLine(samples * features.reduce((sum, f) => sum + (f.pooled ? tables[f.table].dim * 4 : 0), 0));
  const partials = new Map<number, [number, number]>();
  features.forEach((feature, index) => {
    if (!isPartial(plan, feature)) return;
    for (const shard of plan.tables[feature.table].shards) {
      const rows = bytes;
      const counts = rows + alignLine(samples * partialRowBytes(tables[feature.table].dim));
      bytes = counts + alignLine(samples * 4);
      partials.set(partialKey(plan, index, shard), [rows, counts]);
    }
  });
  return { bytes, partials };
}

/** Places shards one after the other in their ranks' memories, a table's key index before its first shard there. Returns the pointers and each memory's end. */
function layTables(input: MapInput): { shardPtrs: number[]; keyIndexPtrs: number[]; ends: number[] } {
  const ends: number[] = new Array(input.mode === "two" ? input.ranks : 1).fill(STATIC_BYTES);
  const take = (memory: number, bytes: number): number => {
    const ptr = ends[memory];
    ends[memory] = alignLine(ptr + bytes);
    return ptr;
  };
  const shardPtrs: number[] = [];
  const keyIndexPtrs: number[] = [];
  for (const { shards, keyIndexBytes } of input.plan.tables) {
    const inMemory = new Map<number, number>();
    for (const s of shards) {
      const { rank, bytes } = input.plan.shards[s];
      const memory = input.mode === "two" ? rank : 0;
      const index = keyIndexBytes === 0 ? 0 : (inMemory.get(memory) ?? take(memory, keyIndexBytes));
      inMemory.set(memory, index);
      keyIndexPtrs[s] = index;
      shardPtrs[s] = take(memory, bytes);
    }
  }
  return { shardPtrs, keyIndexPtrs, ends };
}

function limitError(what: string, got: number, expected: number, hint: string): EmbeddingError {
  return new EmbeddingError(
    "EMBEDDING_MEMORY_LIMIT",
    `${what}: got ${got} bytes (${(got / GIB).toFixed(2)} GiB), expected at most ${expected} (${(expected / GIB).toFixed(2)} GiB)${hint}`,
    { got, expected },
  );
}

/**
 * Lays out tables and exchange memory. Pure; nothing is allocated.
 * @throws EmbeddingError EMBEDDING_MEMORY_LIMIT with the bytes that were asked for and the limit
 */
export function layMemory(input: MapInput): MemoryMap {
  const { mode, ranks, plan, features } = input;
  const { shardPtrs, keyIndexPtrs, ends } = layTables(input);
  const tablesEnd = Math.max(...ends);
  if (tablesEnd > MEMORY_LIMIT_BYTES) {
    throw mode === "one"
      ? limitError("tables of all ranks in one memory", tablesEnd, MEMORY_LIMIT_BYTES, `; ${ONE_MEMORY_HINT}`)
      : limitError(
          `tables of rank ${ends.indexOf(tablesEnd)}`,
          tablesEnd,
          MEMORY_LIMIT_BYTES,
          "; use more ranks, or let the planner split the table",
        );
  }
  const base = mode === "one" ? tablesEnd : STATIC_BYTES;
  const limit = Math.min(MEMORY_LIMIT_BYTES, base + input.exchangeMemoryBytes);
  let end = base;
  const take = (bytes: number): number => {
    const ptr = end;
    end = alignLine(end + bytes);
    return ptr;
  };
  const windows = windowCount(input.lagBound);
  const jobs = features.reduce((sum, f) => sum + plan.tables[f.table].shards.length, 0);
  const controlPtr = take(Counters.byteLength(ranks));
  const statsPtr = take(ranks * RANK_STATS_BYTES);
  const stepsPtr = take(windows * STEP.BYTES);
  const stageErrorsPtr = take(input.stage ? windows * ranks * STAGE_ERROR_BYTES : 0);
  const tracePtr = take(windows * ranks * TRACE.BYTES);
  const replicatedBytes = alignLine(Math.ceil(features.length / 32) * 4);
  const replicatedPtr = take(windows * replicatedBytes);
  const offersPtr = take(input.workStealing ? Offers.byteLength(ranks) : 0);
  const unitsPtr = take(input.workStealing ? ranks * OPEN_STEPS * MOST_UNITS * UNIT.BYTES : 0);
  const jobsPtr = take(jobs * LAYOUT.JOB_BYTES);
  const reductionsPtr = take(features.length * LAYOUT.REDUCTION_BYTES + jobs * 8);
  const featureMapPtr = take(features.length * LAYOUT.FEATURE_MAP_BYTES);
  const sampleBytes = layWindow(input, MAX_SLICE_SAMPLES).bytes / MAX_SLICE_SAMPLES;
  const budget = Math.min(WINDOWS_LIMIT_BYTES, input.windowsLimitBytes ?? WINDOWS_LIMIT_BYTES, (limit - end) * WINDOWS_SHARE);
  const fits = sampleBytes === 0 ? MAX_SLICE_SAMPLES : Math.floor(budget / (windows * ranks * sampleBytes));
  let sliceSamples = Math.max(1, Math.min(MAX_SLICE_SAMPLES, fits));
  let window = layWindow(input, sliceSamples);
  // Each part of a window starts on a cache line: what that adds may be more than there is.
  for (; sliceSamples > 1 && windows * ranks * window.bytes > budget; sliceSamples -= 1) window = layWindow(input, sliceSamples - 1);
  const windowsPtr = take(windows * ranks * window.bytes);
  const heapBytes = Math.floor((limit - end) / LINE_BYTES) * LINE_BYTES;
  if (heapBytes < MIN_HEAP_BYTES) {
    throw limitError(
      mode === "one"
        ? "tables, windows and heap in one memory"
        : `windows and heap of the exchange memory (lagBound ${input.lagBound}, ${ranks} ranks)`,
      end + MIN_HEAP_BYTES,
      limit,
      "",
    );
  }
  return {
    mode,
    shardPtrs,
    keyIndexPtrs,
    controlPtr,
    statsPtr,
    stepsPtr,
    stageErrorsPtr,
    tracePtr,
    replicatedPtr,
    replicatedBytes,
    offersPtr,
    unitsPtr,
    jobsPtr,
    reductionsPtr,
    featureMapPtr,
    windows,
    windowsPtr,
    tablesBytes: mode === "one" ? [limit] : ends,
    exchangeBytes: limit,
    windowBytes: window.bytes,
    sliceSamples,
    stepSamples: window.bytes === 0 ? 2 ** 31 - 1 : sliceSamples * ranks,
    partials: window.partials,
    heapPtr: end,
    heapBytes,
  };
}
