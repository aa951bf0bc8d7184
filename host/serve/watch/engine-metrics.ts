import { Gauge, type Registry } from "prom-client";
import type { EngineStats, RankStats } from "../../stats.js";
import type { Repository } from "../model/repository.js";

type Read<T> = (stats: T) => number;

/** Figures of a model's engine: name, help, how to read it. Counters are gauges here: they are read, not counted. */
const ENGINE: readonly [string, string, Read<EngineStats>][] = [
  ["lookups", "Lookups that the engine took.", (stats) => stats.lookups],
  ["inline_lookups", "Lookups that ran on the server's own thread.", (stats) => stats.inlineLookups],
  ["failed_lookups", "Lookups that were rejected.", (stats) => stats.failedLookups],
  ["coalesced_lookups", "Lookups that shared a step with others.", (stats) => stats.coalescedLookups],
  ["cut_lookups", "Lookups that were cut over several steps.", (stats) => stats.cutLookups],
  ["steps", "Steps that the ranks were given.", (stats) => stats.steps],
  ["queued_lookups", "Lookups that wait for a step now.", (stats) => stats.queuedLookups],
  ["lag_bound", "Steps that a rank may be behind before the fastest waits: the bound in force.", (stats) => stats.lag.lagBound],
  ["steps_under_way", "Steps under way now.", (stats) => stats.stepsUnderWay],
  ["table_bytes", "Bytes of table rows, padding included.", (stats) => stats.memory.tableBytes],
  ["heap_used_bytes", "Bytes of requests and results in the exchange memory.", (stats) => stats.memory.heapUsedBytes],
  ["heap_bytes", "Bytes that requests and results may take there.", (stats) => stats.memory.heapBytes],
  ["window_bytes", "Bytes of the ranks' receive windows.", (stats) => stats.memory.windowBytes],
];

const RANK: readonly [string, string, Read<RankStats>][] = [
  ["gathered_rows", "Rows that a rank gathered.", (rank) => rank.gatheredRows],
  ["write_seconds", "Seconds that a rank pooled.", (rank) => rank.writeMs / 1000],
  ["finish_seconds", "Seconds that a rank reduced, and ran its stage.", (rank) => rank.finishMs / 1000],
  ["wait_credit_seconds", "Seconds that a rank slept for credit: others are behind.", (rank) => rank.waitForCreditMs / 1000],
  ["wait_data_seconds", "Seconds that a rank slept for other ranks' messages.", (rank) => rank.waitForDataMs / 1000],
  ["idle_seconds", "Seconds that a rank slept without a request.", (rank) => rank.idleMs / 1000],
  ["sleeps", "Times that a rank went to sleep.", (rank) => rank.waits],
  ["lag_steps", "Steps that a rank is behind the one that is furthest, now.", (rank) => rank.lagSteps],
  ["credits", "Steps that a rank may still publish before it has to wait for others, now.", (rank) => rank.credits],
];

/** The engines' figures, read when Prometheus asks. */
export class EngineMetrics {
  constructor(registry: Registry, repository: Repository) {
    const registers = [registry];
    const all = (): [Record<string, string>, EngineStats][] =>
      repository.models.flatMap((model) => {
        const stats = model.stats();
        return stats === undefined ? [] : [[{ model: model.name, version: model.version }, stats]];
      });
    for (const [name, help, read] of ENGINE) {
      new Gauge({
        name: `lagbag_engine_${name}`,
        help,
        labelNames: ["model", "version"],
        registers,
        collect() {
          for (const [labels, stats] of all()) this.set(labels, read(stats));
        },
      });
    }
    for (const [name, help, read] of RANK) {
      new Gauge({
        name: `lagbag_rank_${name}`,
        help,
        labelNames: ["model", "version", "rank"],
        registers,
        collect() {
          for (const [labels, stats] of all()) for (const rank of stats.ranks) this.set({ ...labels, rank: String(rank.rank) }, read(rank));
        },
      });
    }
  }
}
