import { type Engine, openEngine, openModels, type RankStats } from "lagbag";
import type { Facts } from "../report.js";
import type { Workload } from "../workloads/workload.js";
import type { ExportedModel } from "./export.js";

/** How an engine is opened. */
export interface EngineSetting {
  ranks: number;
  lagBound: number;
  /** Most lookups of a step; 1: each is a step of its own. */
  maxCoalescedLookups: number;
}

/** Opens an engine over a model's tables, with its dense layers as a stage. Tables stay whole: a cut by rows would add up in another order. */
export async function openDlrm(
  { tablesFile, denseFile, inputColumns }: ExportedModel,
  workload: Workload,
  { runtime, samplesPerRun, ...setting }: EngineSetting & { runtime: string; samplesPerRun: number },
): Promise<Engine> {
  const [model] = await openModels(tablesFile);
  try {
    return await openEngine({
      ...setting,
      tables: model.tables.map((table, n) => ({ ...table, sharding: "table", lookupsPerSample: workload.bagSizes[n] })),
      stage: { module: "lagbag/onnx-stage", columns: 1, inputColumns, options: { model: denseFile, runtime, samplesPerRun } },
    });
  } finally {
    await model.close();
  }
}

/** What each rank's time went to, as shares of the time that was looked at. */
export type RankShares = Readonly<Record<"pooling" | "stage" | "core", readonly number[]>>;

/** Sums up what an engine's ranks do in the samples of its case. */
export class RankWatch {
  readonly #engine: Engine;
  #before: readonly RankStats[] = [];
  #startedMs = 0;
  #elapsedMs = 0;
  readonly #sums: RankShares & Record<string, number[]>;

  constructor(engine: Engine) {
    this.#engine = engine;
    const zeros = (): number[] => engine.stats().ranks.map(() => 0);
    this.#sums = { pooling: zeros(), stage: zeros(), core: zeros() };
  }

  start(): void {
    this.#before = this.#engine.stats().ranks;
    this.#startedMs = performance.now();
  }

  stop(): void {
    this.#elapsedMs += performance.now() - this.#startedMs;
    for (const [rank, after] of this.#engine.stats().ranks.entries()) {
      const spent = timesOf(after);
      const before = timesOf(this.#before[rank]);
      for (const [what, ms] of Object.entries(spent)) this.#sums[what][rank] += ms - before[what as keyof RankShares];
    }
  }

  /** Shares rank by rank, as facts of a case. */
  facts(): Facts {
    return Object.fromEntries(Object.entries(this.#sums).map(([what, ms]) => [`${what}Shares`, ms.map((one) => one / this.#elapsedMs)]));
  }
}

/** Milliseconds of a rank since its engine opened. */
function timesOf(rank: RankStats): Record<keyof RankShares, number> {
  return {
    pooling: rank.writeMs + rank.helpMs,
    stage: rank.finishMs,
    core: rank.coreMs,
  };
}
