import { Worker } from "node:worker_threads";
import { Alltoallv, type AlltoallvShared } from "lagbag";
import { Area } from "#host/collective/area.js";
import { type Counters, distance } from "#host/collective/counters.js";
import { MESSAGE_BYTES } from "./messages.js";

/** What all ranks of a run have in common. */
export interface RunOptions {
  ranks: number;
  lagBound: number;
  seed: number;
  steps: number;
  /** Steps that a rank sends ahead of what it receives, 0 to lagBound + 1. */
  ahead: number;
  calls: "sync" | "async" | "mixed";
  /** Part of the sends and receives that a rank sleeps in. */
  delayedSteps: number;
  counterStart: number;
  /** Of every call; default: that of Alltoallv. */
  timeoutMs?: number;
  /** A rank that does not go on, from this turn of its loop. */
  stop?: { rank: number; turn: number; how: "silent" | "closes" | "aborts" };
}

/** What the thread of a rank is given. */
export interface RankTask extends Omit<RunOptions, "ranks" | "lagBound" | "counterStart" | "stop"> {
  shared: AlltoallvShared;
  rank: number;
  stop: RunOptions["stop"];
}

/** What a rank has to tell. */
export interface RankOutcome {
  received: number;
  /** The first message that was not what its source sent. */
  wrong: string | undefined;
  error: { code: string; rank: number | undefined; peer: number | undefined; step: number | undefined } | undefined;
}

/** A run, as seen from outside. */
export interface RunOutcome {
  /** Of a rank that stops: undefined. */
  ranks: (RankOutcome | undefined)[];
  /** The most steps that were seen published to some receiver beyond its releases. */
  furthestAhead: number;
}

/** Looks at the counters of a run this often. */
const WATCH_EVERY_MS = 1;

/** Runs an SPMD program on a thread for each rank, and watches its counters meanwhile. */
export async function runRanks(options: RunOptions): Promise<RunOutcome> {
  const { ranks, lagBound, counterStart, stop, ...common } = options;
  const shared = Alltoallv.allocate({ ranks, lagBound, counterStart, segmentBytes: MESSAGE_BYTES });
  const { counters } = new Area(shared);
  let furthestAhead = 0;
  const watch = setInterval(() => {
    furthestAhead = Math.max(furthestAhead, mostAhead(counters));
  }, WATCH_EVERY_MS);
  const workers: Worker[] = [];
  const outcomes = Array.from({ length: ranks }, (_, rank) => {
    const ownStop = stop?.rank === rank ? stop : undefined;
    const workerData: RankTask = { ...common, shared, rank, stop: ownStop };
    const worker = new Worker(new URL("./rank.worker.js", import.meta.url), { workerData });
    workers.push(worker);
    return ownStop === undefined ? outcomeOf(worker) : undefined;
  });
  try {
    return { ranks: await Promise.all(outcomes), furthestAhead };
  } finally {
    clearInterval(watch);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function outcomeOf(worker: Worker): Promise<RankOutcome> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a rank ended with code ${code} and without a word`)));
  });
}

/** Reads published before released, which only grows: never more than there was at one moment. */
function mostAhead(counters: Counters): number {
  let most = 0;
  for (let source = 0; source < counters.ranks; source += 1) {
    for (let receiver = 0; receiver < counters.ranks; receiver += 1) {
      const published = counters.published(source, receiver);
      most = Math.max(most, distance(published, counters.released(receiver)));
    }
  }
  return most;
}
