/** The stage that the straggler runs give every rank: it sleeps as long as it is told to, and notes how long it really took. */
import type { Stage, StageContext } from "lagbag";

/** How a rank waits: with its thread blocked, as a dense model on it would, or with a timer, as one that runs elsewhere. */
export type Sleep = "block" | "promise";

/** What the ranks share with the benchmark. The arrays have steps x ranks entries in milliseconds; step t uses row t % steps. */
export interface StageOptions {
  steps: number;
  sleep: Sleep;
  /** How long each rank is to sleep. Written by the benchmark between runs. */
  planned: Float64Array;
  /** How long each rank's stage took. Each rank writes its own column. */
  recorded: Float64Array;
  /** When each rank's stage began, by the clock that all threads share: performance.timeOrigin + performance.now(). */
  began: Float64Array;
}

export function createStage({ rank, ranks, options }: StageContext): Stage {
  const { steps, sleep, planned, recorded, began } = options as StageOptions;
  // Nobody else has this word, so nothing ever wakes the rank: it waits for the time to pass.
  const word = new Int32Array(new SharedArrayBuffer(4));
  if (sleep === "block") {
    return {
      run: (features, { step }) => {
        const started = performance.now();
        const entry = (step % steps) * ranks + rank;
        began[entry] = performance.timeOrigin + started;
        if (planned[entry] > 0) Atomics.wait(word, 0, 0, planned[entry]);
        recorded[entry] = performance.now() - started;
        return features;
      },
    };
  }
  // Not setTimeout: it knows whole milliseconds only.
  return {
    run: async (features, { step }) => {
      const started = performance.now();
      const entry = (step % steps) * ranks + rank;
      began[entry] = performance.timeOrigin + started;
      if (planned[entry] > 0) await Atomics.waitAsync(word, 0, 0, planned[entry]).value;
      recorded[entry] = performance.now() - started;
      return features;
    },
  };
}
