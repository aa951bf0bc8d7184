/** A rank of the exchange benchmark: a worker thread that runs as many steps as it is told to, and answers how long they took. */
import { createHistogram } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import { Messages } from "./messages.js";
import { openRoad, type RoadPlan } from "./roads.js";

/** What a rank is started with. */
export interface RankData {
  plan: RoadPlan;
  rank: number;
  ranks: number;
  bytes: number;
  seed: number;
}

/** What it is told: to take part in steps, or to leave. */
export type RankOrder = { steps: number; all: boolean } | "close";

/** What it answers. */
export type RankAnswer = { ms: number; p50Us: number; p99Us: number } | { error: string };

const { plan, ...setting } = workerData as RankData;
const road = openRoad(plan, { ...setting, messages: new Messages(setting) });
let first = 0;

async function run({ steps, all }: { steps: number; all: boolean }): Promise<RankAnswer> {
  const histogram = createHistogram();
  const startMs = performance.now();
  let stepMs = startMs;
  const onStep = (): void => {
    const nowMs = performance.now();
    histogram.record(Math.max(1, Math.round((nowMs - stepMs) * 1e6)));
    stepMs = nowMs;
  };
  await road.run({ first, count: steps, all, onStep });
  first += steps;
  return { ms: performance.now() - startMs, p50Us: histogram.percentile(50) / 1e3, p99Us: histogram.percentile(99) / 1e3 };
}

parentPort?.on("message", (order: RankOrder) => {
  if (order === "close") {
    road.close();
    parentPort?.close();
    return;
  }
  const answer = (message: RankAnswer): void => parentPort?.postMessage(message);
  run(order).then(answer, (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }));
});
