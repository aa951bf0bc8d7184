import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { calibrate } from "./calibrate.js";
import { Counters } from "./collective/counters.js";
import { spinsFor } from "./collective/doorbell.js";
import { Engine, type EngineParts } from "./engine.js";
import { EmbeddingError } from "./errors.js";
import type { Gang } from "./gang.js";
import { hasKeys, isResolved } from "./keys/check.js";
import { anyKey, type IndexPlace, type KeyTarget, loadKeys, loadKeysSync } from "./keys/load.js";
import { type LoadTarget, loadTable, loadTableSync, sourceRowBytes } from "./load.js";
import { LoadReporter } from "./load-progress.js";
import { BatchChecker } from "./lookup/batch.js";
import { writeFeatureMap } from "./lookup/copy.js";
import { viewsOf } from "./lookup/piece.js";
import { type KernelExports, STATIC_BYTES } from "./memory/abi.js";
import { HugePages } from "./memory/hugepages.js";
import { createMemory, instantiateKernel, loadKernel } from "./memory/kernel.js";
import { keyIndexBytesOf, layMemory, MEMORY_LIMIT_BYTES, type MemoryMap, ONE_MEMORY_HINT } from "./memory/map.js";
import { markFiniteHalves, writeRecords } from "./memory/records.js";
import type { WasmMemory } from "./memory/wasm.js";
import type { EngineOptions } from "./options.js";
import { type Plan, planTables } from "./plan/plan.js";
import { type FilledOptions, type FilledTable, resolveOptions } from "./resolve.js";
import type { RankConfig } from "./shard/rank.js";

/**
 * First value of the wrapping step counters. Two steps below 2^31, as Linux starts its jiffies shortly before they wrap: every run
 * passes the point where a comparison that forgot about it would fail.
 */
const COUNTER_START = 2 ** 31 - 3;
/** Engines with more bytes than this ask for a garbage collection when they close: V8 does not see the weight of wasm memories. */
const COLLECT_BYTES = 64 * 2 ** 20;
const NO_RANKS_HINT = "without ranks all tables lie in one memory; with ranks, each has one of its own (Node 22 and later)";

function planOf(options: FilledOptions): Plan {
  const onTable = (name: string): number => options.features.filter((feature) => options.tables[feature.table].name === name).length;
  const tables = options.tables.map(({ name, numRows, dim, dtype, sharding, lookupsPerSample, keys, replicated = false }) => ({
    name,
    numRows,
    dim,
    dtype,
    lookupsPerSample: lookupsPerSample ?? onTable(name),
    keyed: keys !== undefined,
    replicated,
    ...(sharding === undefined ? {} : { sharding }),
  }));
  const rankMemoryBytes = MEMORY_LIMIT_BYTES - STATIC_BYTES;
  const ranks = ownersOf(options);
  if (options.memory === "two" && options.ranks > 0) return planTables(tables, { ranks, rankMemoryBytes });
  try {
    return planTables(tables, { ranks, rankMemoryBytes, totalMemoryBytes: rankMemoryBytes });
  } catch (error) {
    if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_MEMORY_LIMIT") throw error;
    const hint = options.ranks > 0 ? ONE_MEMORY_HINT : NO_RANKS_HINT;
    throw new EmbeddingError(error.code, `${error.message}; ${hint}`, { got: error.got, expected: error.expected });
  }
}

/** What Engine.diagnose offers: the plan for lookups as they were counted. */
function replanner(options: FilledOptions): (lookupsPerSample: readonly number[]) => Plan {
  return (lookupsPerSample) => {
    const tables = options.tables.map(({ sharding: _, ...table }, t) => ({ ...table, lookupsPerSample: lookupsPerSample[t] }));
    return planOf({ ...options, tables });
  };
}

/** Over how many owners tables are planned and memories laid: the ranks, or the caller's thread alone. */
function ownersOf(options: FilledOptions): number {
  return Math.max(1, options.ranks);
}

/** Samples of a step that each rank's window is to have room for before "auto" gives up lag for them. */
const LEAST_AUTO_SLICE = 256;

/** The memory map, and the largest lag bound that its windows are for. */
function layOut(options: FilledOptions, plan: Plan): { map: MemoryMap; lagBound: number } {
  const { memory: mode, tables, features, stage, exchangeMemoryBytes, workStealing, lagLimits } = options;
  const lay = (lagBound: number): MemoryMap =>
    layMemory({
      mode,
      ranks: ownersOf(options),
      lagBound,
      plan,
      tables,
      features,
      stage: stage !== undefined,
      workStealing,
      exchangeMemoryBytes,
      windowsLimitBytes: lagLimits.memoryBytes,
    });
  for (let { lagBound } = options; options.lagAuto && lagBound > 0; lagBound >>= 1) {
    try {
      const map = lay(lagBound);
      if (map.sliceSamples >= LEAST_AUTO_SLICE) return { map, lagBound };
    } catch (error) {
      // Windows of fewer steps may fit. What does not fit with any is an error of the last try.
      if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_MEMORY_LIMIT") throw error;
    }
  }
  const lagBound = options.lagAuto ? 0 : options.lagBound;
  return { map: lay(lagBound), lagBound };
}

/** The memories of the tables, one a rank or one in all, and the exchange memory. */
function createMemories(map: MemoryMap): { tables: WasmMemory[]; exchange: WasmMemory } {
  const tables = map.tablesBytes.map(createMemory);
  return { tables, exchange: map.mode === "one" ? tables[0] : createMemory(map.exchangeBytes) };
}

/** The memories that hold a table's key index, and where; none without keys. */
function indexPlaces(
  plan: Plan,
  map: MemoryMap,
  table: number,
  threads: { memoryOf: (rank: number) => WasmMemory; kernels: readonly KernelExports[] },
): IndexPlace[] {
  const places = new Map<WasmMemory, IndexPlace>();
  for (const s of plan.tables[table].shards) {
    const { rank } = plan.shards[s];
    const memory = threads.memoryOf(rank);
    if (map.keyIndexPtrs[s] !== 0)
      places.set(memory, { memory, ptr: map.keyIndexPtrs[s], kernel: threads.kernels[map.mode === "two" ? rank : 0] });
  }
  return [...places.values()];
}

/** Asks V8 for a collection: dropped wasm memories are freed by nothing else soon enough. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** An engine's parts but for its threads, and what it takes to load its tables and to start its ranks. */
interface Prepared {
  filled: FilledOptions;
  parts: Omit<EngineParts, "gang">;
  /** Where a table's rows go. */
  loadTarget: (table: number) => LoadTarget;
  /** Where its keys go, if it has some. */
  keyTarget: (table: number) => KeyTarget;
  /** Takes what loadTable gave back. */
  loaded: (finite: readonly number[]) => void;
  rankConfig: (rank: number) => RankConfig;
}

/** What an engine keeps of its options: not the tables' rows, which may be arrays as large as the tables. */
function withoutRows(options: FilledOptions): FilledOptions {
  const rows = (): never => {
    throw new Error("rows are let go when they are loaded");
  };
  const tables = options.tables.map((table): FilledTable => ({ ...table, rows, ...(hasKeys(table) ? { keys: [] } : {}) }));
  return { ...options, tables };
}

/** Plans, allocates and lays out; no table is loaded and no thread started. */
function prepare(filled: FilledOptions): Prepared {
  const kept = withoutRows(filled);
  const { ranks, features, tables, stage } = filled;
  const owners = ownersOf(filled);
  const plan = planOf(filled);
  const { map, lagBound } = layOut(filled, plan);
  const module = loadKernel(filled.memory);
  const memories = createMemories(map);
  const hugePages = new HugePages(filled.hugePages);
  for (const [index, memory] of memories.tables.entries()) {
    hugePages.ask(new Uint8Array(memory.buffer, 0, map.mode === "one" ? map.controlPtr : map.tablesBytes[index]));
  }
  const memoryOf = (rank: number): WasmMemory => memories.tables[map.mode === "two" ? rank : 0];
  const views = viewsOf(memories.exchange);
  const records = writeRecords({ plan, map, features, tables, words: views.words });
  const filtered = features.filter((feature) => feature.padding !== undefined || plan.tables[feature.table].by === "row");
  const resolved = features.filter((feature) => isResolved(tables[feature.table]));
  // No closure of this function goes into what an engine keeps after close(): it would keep the memories, too.
  const checker = new BatchChecker(kept, { filtered, resolved });
  writeFeatureMap(checker.all, views.words, map.featureMapPtr);
  const counters = new Counters(new Int32Array(memories.exchange.buffer, map.controlPtr, Counters.byteLength(owners) / 4), owners);
  counters.reset(COUNTER_START);
  const kernels = memories.tables.map((memory) => instantiateKernel(module, memory, memories.exchange));
  const shardBytes = (s: number): Uint8Array => {
    const shard = plan.shards[s];
    return new Uint8Array(memoryOf(shard.rank).buffer, map.shardPtrs[s], shard.bytes);
  };
  const progress = new LoadReporter(
    tables.map((table) => ({ name: table.name, numRows: table.numRows, rowBytes: sourceRowBytes(table) })),
    filled.onProgress,
  );
  const places = tables.map((_, table) => indexPlaces(plan, map, table, { memoryOf, kernels }));
  return {
    filled,
    parts: {
      options: { ...kept, lagBound },
      plan,
      map,
      records,
      counters,
      views,
      kernels,
      checker,
      hugePages,
      counterStart: COUNTER_START,
      replan: replanner(kept),
      onClosed: collectorOf(plan.shards.reduce((sum, shard) => sum + shard.bytes, keyIndexBytesOf(plan, map))),
    },
    loadTarget: (index) => ({ index, plan, shardBytes, progress }),
    // There are no lookups yet: the heap is free.
    keyTarget: (index) => ({ places: places[index], exchange: memories.exchange, scratchPtr: map.heapPtr }),
    loaded: (finite) => {
      for (const shard of finite) markFiniteHalves(records, shard, views.words);
    },
    rankConfig: (rank) => ({
      rank,
      ranks,
      lagBound,
      map,
      counterStart: COUNTER_START,
      spins: spinsFor(ranks),
      jobs: records.jobs,
      reductionCount: records.reductionCount,
      stealUnitBytes: kept.workStealing ? kept.stealUnitBytes : undefined,
      kernel: module,
      tables: memories.tables,
      exchange: memories.exchange,
      stage: stage && { ...stage, featureColumns: checker.all.columns, columnOffsets: [...checker.all.columnOffsets] },
    }),
  };
}

/** What an engine whose tables took engineBytes does when it was closed. */
function collectorOf(engineBytes: number): () => void {
  return () => {
    if (engineBytes > COLLECT_BYTES) setImmediate(collectGarbage);
  };
}

/**
 * Opens an engine: plans, allocates, streams the tables in, starts the ranks. When it rejects, nothing is left behind.
 * @throws (rejects) EmbeddingError EMBEDDING_OPTIONS, EMBEDDING_PLAN, EMBEDDING_MEMORY_LIMIT before anything is allocated;
 *   EMBEDDING_ABI, EMBEDDING_KEYS, EMBEDDING_TABLE_ROWS, EMBEDDING_STAGE, EMBEDDING_RANK_LOST later
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { filled, parts, loadTarget, keyTarget, loaded, rankConfig } = prepare(resolveOptions(options));
  const { ranks, tables } = filled;
  const loss = lossOf();
  const gang = ranks === 0 ? undefined : await startGang(ranks, loss.tell);
  let engine: Engine | undefined;
  try {
    engine = new Engine({ ...parts, gang });
    loss.engine = engine;
    for (const [index, table] of tables.entries()) {
      if (hasKeys(table)) await loadKeys(table, keyTarget(index));
      loaded(await loadTable(table, loadTarget(index)));
    }
    parts.hugePages.lookBack();
    if (gang === undefined) return engine;
    await gang.start(Array.from({ length: ranks }, (_, rank) => rankConfig(rank)));
    if (filled.inline === "auto" && filled.stage === undefined) {
      engine.begin(await calibrate(engine, filled, (table, random) => anyKey(keyTarget(table).places[0], random)));
    }
  } catch (error) {
    if (engine === undefined) await gang?.stop(0);
    else await engine.close();
    throw error;
  }
  return engine;
}

/**
 * Tells the engine, once there is one, that a rank is lost. In a scope of its own: the gang keeps `tell` as long as the engine lives, and a closure
 * of openEngine would keep the tables' rows with it.
 */
function lossOf(): { engine: Engine | undefined; tell: (error: EmbeddingError) => void } {
  const loss = {
    engine: undefined as Engine | undefined,
    tell: (error: EmbeddingError): void => loss.engine?.fail(error),
  };
  return loss;
}

/** Threads for the ranks. Loaded here and not before: an engine without ranks needs no thread pool. */
async function startGang(ranks: number, onLost: (error: EmbeddingError) => void): Promise<Gang> {
  const { Gang } = await import("./gang.js");
  return new Gang(ranks, onLost);
}

/**
 * Opens an engine without ranks (`ranks: 0`) at once: all lookups run on the caller's thread, the process ends without close().
 * Rows come from arrays, iterables or functions.
 * @throws EmbeddingError as openEngine; EMBEDDING_OPTIONS for rows that are an async iterable
 */
export function openEngineSync(options: Omit<EngineOptions, "ranks" | "inline" | "stage">): Engine {
  const { filled, parts, loadTarget, keyTarget, loaded } = prepare(resolveOptions({ ...options, ranks: 0 }));
  const engine = new Engine({ ...parts, gang: undefined });
  try {
    for (const [index, table] of filled.tables.entries()) {
      if (hasKeys(table)) loadKeysSync(table, keyTarget(index));
      loaded(loadTableSync(table, loadTarget(index)));
    }
    parts.hugePages.lookBack();
  } catch (error) {
    void engine.close();
    throw error;
  }
  return engine;
}
