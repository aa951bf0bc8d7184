import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { calibrate } from "./calibrate.js";
import { Counters } from "./collective/counters.js";
import { spinsFor } from "./collective/doorbell.js";
import { Engine } from "./engine.js";
import { EmbeddingError } from "./errors.js";
import { Gang } from "./gang.js";
import { loadTable } from "./load.js";
import { BatchChecker } from "./lookup/batch.js";
import { writeFeatureMap } from "./lookup/copy.js";
import { viewsOf } from "./lookup/piece.js";
import { STATIC_BYTES } from "./memory/abi.js";
import { createMemory, instantiateKernel, loadKernel } from "./memory/kernel.js";
import { layMemory, MEMORY_LIMIT_BYTES, type MemoryMap, ONE_MEMORY_HINT } from "./memory/map.js";
import { writeRecords } from "./memory/records.js";
import type { EngineOptions } from "./options.js";
import { type Plan, planTables } from "./plan/plan.js";
import { type FilledOptions, resolveOptions } from "./resolve.js";
import type { RankConfig } from "./shard/rank.js";

/**
 * First value of the wrapping step counters. Two steps below 2^31, as Linux starts its jiffies shortly before they wrap: every run
 * passes the point where a comparison that forgot about it would fail.
 */
const COUNTER_START = 2 ** 31 - 3;
/** Engines with more bytes than this ask for a garbage collection when they close: V8 does not see the weight of wasm memories. */
const COLLECT_BYTES = 64 * 2 ** 20;

function planOf(options: FilledOptions): Plan {
  const onTable = (name: string): number => options.features.filter((feature) => options.tables[feature.table].name === name).length;
  const tables = options.tables.map(({ name, numRows, dim, sharding, lookupsPerSample }) => ({
    name,
    numRows,
    dim,
    lookupsPerSample: lookupsPerSample ?? onTable(name),
    ...(sharding === undefined ? {} : { sharding }),
  }));
  const rankMemoryBytes = MEMORY_LIMIT_BYTES - STATIC_BYTES;
  if (options.memory === "two") return planTables(tables, { ranks: options.ranks, rankMemoryBytes });
  try {
    return planTables(tables, { ranks: options.ranks, rankMemoryBytes, totalMemoryBytes: rankMemoryBytes });
  } catch (error) {
    if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_MEMORY_LIMIT") throw error;
    throw new EmbeddingError(error.code, `${error.message}; ${ONE_MEMORY_HINT}`, { got: error.got, expected: error.expected });
  }
}

/** What Engine.diagnose offers: the plan for lookups as they were counted. */
function replanner(options: FilledOptions): (lookupsPerSample: readonly number[]) => Plan {
  return (lookupsPerSample) => {
    const tables = options.tables.map(({ sharding: _, ...table }, t) => ({ ...table, lookupsPerSample: lookupsPerSample[t] }));
    return planOf({ ...options, tables });
  };
}

/** Samples of a step that each rank's window is to have room for before "auto" gives up lag for them. */
const LEAST_AUTO_SLICE = 256;

/** The memory map, and the largest lag bound that its windows are for. */
function layOut(options: FilledOptions, plan: Plan): { map: MemoryMap; lagBound: number } {
  const { memory: mode, ranks, tables, features, stage, exchangeMemoryBytes, workStealing, lagLimits } = options;
  for (let { lagBound } = options; ; lagBound >>= 1) {
    const map = layMemory({
      mode,
      ranks,
      lagBound,
      plan,
      tables,
      features,
      stage: stage !== undefined,
      workStealing,
      exchangeMemoryBytes,
      windowsLimitBytes: lagLimits.memoryBytes,
    });
    if (!options.lagAuto || map.sliceSamples >= LEAST_AUTO_SLICE || lagBound === 0) return { map, lagBound };
  }
}

/** The memories of the tables, one a rank or one in all, and the exchange memory. */
function createMemories(map: MemoryMap): { tables: WebAssembly.Memory[]; exchange: WebAssembly.Memory } {
  const tables = map.tablesBytes.map(createMemory);
  return { tables, exchange: map.mode === "one" ? tables[0] : createMemory(map.exchangeBytes) };
}

/** Asks V8 for a collection: dropped wasm memories are freed by nothing else soon enough. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/**
 * Opens an engine: plans, allocates, streams the tables in, starts the ranks. When it rejects, nothing is left behind.
 * @throws (rejects) EmbeddingError EMBEDDING_OPTIONS, EMBEDDING_PLAN, EMBEDDING_MEMORY_LIMIT before anything is allocated;
 *   EMBEDDING_ABI, EMBEDDING_TABLE_ROWS, EMBEDDING_STAGE, EMBEDDING_RANK_LOST later
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const filled = resolveOptions(options);
  const { ranks, features, tables, stage } = filled;
  const plan = planOf(filled);
  const { map, lagBound } = layOut(filled, plan);
  const module = loadKernel(filled.memory);
  const memories = createMemories(map);
  const memoryOf = (rank: number): WebAssembly.Memory => memories.tables[map.mode === "two" ? rank : 0];
  const views = viewsOf(memories.exchange);
  const records = writeRecords({ plan, map, features, tables, words: views.words });
  const filtered = features.filter((feature) => feature.padding !== undefined || plan.tables[feature.table].by === "row");
  // No closure of this function goes into what an engine keeps after close(): it would keep the memories, too.
  const checker = new BatchChecker(filled, new Set(filtered));
  writeFeatureMap(checker.all, views.words, map.featureMapPtr);
  const counters = new Counters(new Int32Array(memories.exchange.buffer, map.controlPtr, Counters.byteLength(ranks) / 4), ranks);
  counters.reset(COUNTER_START);
  const kernels = memories.tables.map((memory) => instantiateKernel(module, memory, memories.exchange));

  const engineBytes = plan.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  let engine: Engine | undefined;
  const gang = new Gang(ranks, (error) => engine?.fail(error));
  try {
    engine = new Engine({
      options: { ...filled, lagBound },
      plan,
      map,
      records,
      counters,
      views,
      kernels,
      checker,
      gang,
      counterStart: COUNTER_START,
      replan: replanner(filled),
      onClosed: () => engineBytes > COLLECT_BYTES && setImmediate(collectGarbage),
    });
    for (const [index, table] of tables.entries()) {
      await loadTable(table, index, plan, (s) => {
        const shard = plan.shards[s];
        return new Float32Array(memoryOf(shard.rank).buffer, map.shardPtrs[s], shard.bytes / 4);
      });
    }
    const configs = Array.from(
      { length: ranks },
      (_, rank): RankConfig => ({
        rank,
        ranks,
        lagBound,
        map,
        counterStart: COUNTER_START,
        spins: spinsFor(ranks),
        jobs: records.jobs,
        reductionCount: records.reductionCount,
        stealUnitBytes: filled.workStealing ? filled.stealUnitBytes : undefined,
        kernel: module,
        tables: memories.tables,
        exchange: memories.exchange,
        stage: stage && { ...stage, featureColumns: checker.all.columns, columnOffsets: [...checker.all.columnOffsets] },
      }),
    );
    await gang.start(configs);
    if (filled.inline === "auto" && stage === undefined) engine.begin(await calibrate(engine, filled));
  } catch (error) {
    if (engine === undefined) await gang.stop(0);
    else await engine.close();
    throw error;
  }
  return engine;
}
