/** The stage that the lab gives every rank: it is as late as it is told to be, and hedges if it is told to. */
import type { Stage, StageContext } from "../shard/stage.js";

/** How a rank sleeps. */
export const SLEEPS = {
  block: "with its thread blocked, as a dense model on it would block it",
  promise: "with a promise, as one whose model runs elsewhere: its thread goes on meanwhile",
} as const;

/** Name of a way to sleep. */
export type Sleep = keyof typeof SLEEPS;

/** How a rank spends its time: asleep, as one that waits for something, or computing, as one that needs a core. */
export type Spending = Sleep | "compute";

/** What the ranks share with the lab. Cloned to the ranks; the arrays lie on shared memory. Step t uses row t % steps. */
export interface LabStageOptions {
  steps: number;
  spending: Spending;
  /** How long each rank is to take, [steps, ranks], written by the lab between runs. */
  plannedMs: Float64Array;
  /**
   * With hedging, which blocks, one word for each step and rank: 0 under way, 1 done, by whoever was first. A rank that is done with its own slice and finds
   * the next rank's under way after hedgeAfterMs does that slice again, which takes hedgeMs, and ends the late rank's wait.
   */
  hedge: { done: Int32Array; hedgeAfterMs: number; hedgeMs: number } | undefined;
}

/** Nobody else has this word, so nothing ever wakes the rank: it waits for the time to pass. */
const pillow = new Int32Array(new SharedArrayBuffer(4));

function spend(spending: "block" | "compute", ms: number): void {
  if (!(ms > 0)) return;
  if (spending === "block") {
    Atomics.wait(pillow, 0, 0, ms);
    return;
  }
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

export function createStage({ rank, ranks, options }: StageContext): Stage {
  const { steps, spending, plannedMs, hedge } = options as LabStageOptions;
  if (spending === "promise") {
    return {
      async run(features, { step }) {
        const ms = plannedMs[(step % steps) * ranks + rank];
        // Node rounds this to whole milliseconds; setTimeout would cut down to them, so means would shift.
        if (ms > 0) await Atomics.waitAsync(pillow, 0, 0, ms).value;
        return features;
      },
    };
  }
  return {
    run(features, { step }) {
      const entry = (step % steps) * ranks;
      if (hedge === undefined) spend(spending, plannedMs[entry + rank]);
      else {
        // Whoever has done this rank's slice in its place ends the wait.
        Atomics.wait(hedge.done, entry + rank, 0, plannedMs[entry + rank]);
        Atomics.store(hedge.done, entry + rank, 1);
        help(hedge, entry);
      }
      return features;
    },
  };

  /** Every rank is the backup of the next one: does its slice again when it is still under way after a grace. */
  function help({ done, hedgeAfterMs, hedgeMs }: NonNullable<LabStageOptions["hedge"]>, entry: number): void {
    const word = entry + ((rank + 1) % ranks);
    for (const ms of [hedgeAfterMs, hedgeMs]) {
      if (Atomics.load(done, word) !== 0) return;
      Atomics.wait(done, word, 0, ms);
    }
    if (Atomics.compareExchange(done, word, 0, 1) === 0) Atomics.notify(done, word);
  }
}
