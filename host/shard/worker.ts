/** The task that a rank's thread runs for as long as the engine is open. */
import { type ErrorRecord, toRecord } from "../errors.js";
import { instantiateKernel } from "../memory/kernel.js";
import { runRank } from "./loop.js";
import { type RankConfig, RankWork } from "./rank.js";
import { loadStage } from "./stage.js";

/** What a rank's thread gets: its configuration, and a port on which it says once that it is ready. */
export interface RankTask {
  config: RankConfig;
  port: import("node:worker_threads").MessagePort;
}

/**
 * Runs a rank until the engine stops. Returns the error's record when the rank could not start, nothing otherwise. Rejects only when
 * something of ours broke; a failing stage is data.
 */
export default async function runTask({ config, port }: RankTask): Promise<ErrorRecord | undefined> {
  let work: RankWork;
  try {
    const { rank, ranks, stage } = config;
    const kernel = instantiateKernel(config.kernel, config.tables[config.tables.length === 1 ? 0 : rank], config.exchange);
    const loaded =
      stage === undefined
        ? undefined
        : await loadStage(stage.href, { rank, ranks, columnOffsets: stage.columnOffsets, options: stage.options });
    work = new RankWork(config, kernel, loaded);
  } catch (error) {
    return toRecord(error, "EMBEDDING_RANK_LOST", `rank ${config.rank} could not start`);
  }
  port.postMessage("ready");
  port.close();
  await runRank(config, work);
  return undefined;
}
