/** The task that a rank's thread runs for as long as the engine is open. */
import { type ErrorRecord, toRecord } from "../errors.js";
import { instantiateKernel } from "../memory/kernel.js";
import { runRank } from "./loop.js";
import { type RankConfig, RankWork } from "./rank.js";
import { loadStage } from "./stage.js";

/** What a rank's thread gets: its configuration, and a port on which it says once that it is ready or why not. */
export interface RankTask {
  config: RankConfig;
  port: import("node:worker_threads").MessagePort;
}

/** The one message of a rank: undefined when it is ready. */
export type RankReady = { failed: ErrorRecord | undefined };

/** Runs a rank until the engine stops. Rejects only when something of ours broke; a failing stage is data. */
export default async function runTask({ config, port }: RankTask): Promise<void> {
  let work: RankWork;
  try {
    const { rank, ranks, stage } = config;
    const kernel = instantiateKernel(config.kernel, config.tables, config.exchange);
    const loaded =
      stage === undefined
        ? undefined
        : await loadStage(stage.href, { rank, ranks, columnOffsets: stage.columnOffsets, options: stage.options });
    work = new RankWork(config, kernel, loaded);
  } catch (error) {
    port.postMessage({ failed: toRecord(error, "EMBEDDING_RANK_LOST", `rank ${config.rank} could not start`) } satisfies RankReady);
    port.close();
    return;
  }
  port.postMessage({ failed: undefined } satisfies RankReady);
  port.close();
  await runRank(config, work);
}
