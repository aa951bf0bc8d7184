import { type Counters, distance } from "./collective/counters.js";
import type { LagStats } from "./lag/control.js";
import type { DispatchStats } from "./lookup/dispatch.js";
import type { ResultStats } from "./lookup/leases.js";
import type { ExchangeViews } from "./lookup/piece.js";
import type { QueueStats } from "./lookup/queue.js";
import type { HugePagesStats } from "./memory/hugepages.js";
import type { MemoryMode } from "./memory/kernel.js";
import { keyIndexBytesOf, type MemoryMap, RANK_STATS_BYTES } from "./memory/map.js";
import type { Plan } from "./plan/plan.js";
import { RANK_STAT } from "./shard/rank.js";

/** What a rank did since the engine opened. */
export interface RankStats {
  rank: number;
  /** Rows that its thread gathered, for whatever rank. */
  gatheredRows: number;
  /** The part of gatheredRows that it gathered for ranks that were behind. */
  stolenRows: number;
  /** Milliseconds of pooling its own part of steps. */
  writeMs: number;
  /** Milliseconds of pooling for ranks that were behind. */
  helpMs: number;
  /** Milliseconds of reducing and of the stage, from its start to its result. */
  finishMs: number;
  /** Milliseconds asleep with a step to write or publish that other ranks had given no credit for: they are behind. */
  waitForCreditMs: number;
  /** Milliseconds asleep for messages of other ranks. */
  waitForDataMs: number;
  /** Milliseconds asleep for others that pooled the last bags of its part of a step. */
  waitForHelpersMs: number;
  /** Milliseconds asleep while its own stage's promise was pending. */
  waitForStageMs: number;
  /** Milliseconds asleep without a request. */
  idleMs: number;
  /** Times it went to sleep. */
  waits: number;
  /** Milliseconds that its thread has run on a core, and that it could have run and got none; 0 where the system does not tell (it is Linux that does). */
  coreMs: number;
  waitForCoreMs: number;
  /** Steps that it is behind the rank that is furthest, now. */
  lagSteps: number;
  /** Steps that it may still publish before it has to wait for others, now: 0 to lagBound + 1. */
  credits: number;
}

/** How small lookups are told from large ones. */
export interface InlineStats {
  mode: "auto" | "never" | "always";
  /** Lookups that gather at most this many bytes run on the caller's thread ("auto"); 0: none, Infinity: all. */
  limitBytes: number;
  /** Measured at opening: microseconds of a hand-over to the ranks and back; 0 when nothing was measured. */
  handoverUs: number;
  /** Measured at opening: nanoseconds to gather a byte on the caller's thread; 0 when nothing was measured. */
  gatherNsPerByte: number;
}

/** Where an engine's bytes are. */
export interface MemoryStats {
  mode: MemoryMode;
  /** Bytes of table rows, padding included. */
  tableBytes: number;
  /** Keys of all tables that have some. */
  keys: number;
  /** Bytes of key indexes over all memories. */
  keyIndexBytes: number;
  /** Bytes of requests and results that are in use now. */
  heapUsedBytes: number;
  /** Bytes that requests and results may take. */
  heapBytes: number;
  /** Bytes of the ranks' receive windows. */
  windowBytes: number;
  /** Whether the tables lie on huge pages. */
  hugePages: HugePagesStats;
}

/** A snapshot of an engine's counters; all count from the opening. */
export interface EngineStats extends DispatchStats, QueueStats, ResultStats {
  /** Lookups that were taken, lookupSync included. */
  lookups: number;
  /** Lookups that ran on the caller's thread, lookupSync included. */
  inlineLookups: number;
  /** Lookups that were rejected, for whatever reason. */
  failedLookups: number;
  /** Lookups that wait for a step now, of both classes. */
  queuedLookups: number;
  /** Steps that are under way now. */
  stepsUnderWay: number;
  /** One for each rank; empty with `ranks: 0`. */
  ranks: RankStats[];
  inline: InlineStats;
  /** Names of the tables that all ranks pool, each for its own slice: TableOptions.replicated, Engine.replicate. */
  replicatedTables: string[];
  lag: LagStats;
  memory: MemoryStats;
}

/** Reads the counters that the ranks keep in the exchange memory; none of an engine without ranks. */
export function readRankStats(views: ExchangeViews, of: { map: MemoryMap; counters: Counters; ranks: number }): RankStats[] {
  return Array.from({ length: of.ranks }, (_, rank) => {
    const counted = new Float64Array(views.bytes.buffer, of.map.statsPtr + rank * RANK_STATS_BYTES, RANK_STATS_BYTES / 8);
    const stats: Partial<RankStats> = { rank, ...readProgress(of.counters, rank) };
    for (const [name, index] of Object.entries(RANK_STAT)) Object.assign(stats, { [name]: counted[index] });
    return stats as RankStats;
  });
}

/** How far a rank is beside the others. A glance at words that others write: figures of one moment, not exact while steps run. */
function readProgress(counters: Counters, rank: number): Pick<RankStats, "lagSteps" | "credits"> {
  const lagBound = counters.lagBound();
  let lagSteps = 0;
  let credits = lagBound + 1;
  for (let peer = 0; peer < counters.ranks; peer += 1) {
    lagSteps = Math.max(lagSteps, distance(counters.released(peer), counters.released(rank)));
    credits = Math.min(credits, lagBound + 1 - distance(counters.published(rank, peer), counters.released(peer)));
  }
  return { lagSteps, credits: Math.max(0, credits) };
}

/** The numbers of MemoryStats. */
export function memoryStats(of: {
  plan: Plan;
  map: MemoryMap;
  ranks: number;
  heapUsedBytes: number;
  hugePages: HugePagesStats;
}): MemoryStats {
  const { plan, map, ranks, heapUsedBytes, hugePages } = of;
  const keyed = plan.tables.filter(({ keyIndexBytes }) => keyIndexBytes > 0);
  const lastShards = keyed.map(({ shards }) => plan.shards[shards[shards.length - 1]]);
  return {
    mode: map.mode,
    tableBytes: plan.shards.reduce((sum, shard) => sum + shard.bytes, 0),
    keys: lastShards.reduce((sum, { firstRow, rowCount }) => sum + firstRow + rowCount, 0),
    keyIndexBytes: keyIndexBytesOf(plan, map),
    heapUsedBytes,
    heapBytes: map.heapBytes,
    windowBytes: map.windows * ranks * map.windowBytes,
    hugePages,
  };
}
