import { describe, expect, it } from "@jest/globals";
import { type RunOptions, runRanks } from "./spmd/run.js";

const STEPS = 120;
const WRAPS = [2 ** 31 - 3, 2 ** 32 - 3, 0];

/** One of them, to be changed by tests. */
const RUN: RunOptions = {
  ranks: 3,
  lagBound: 2,
  seed: 1,
  steps: 40,
  ahead: 0,
  calls: "sync",
  delayedSteps: 0.2,
  counterStart: WRAPS[0],
};

/** Seeded runs that differ in all that may matter, each combination of ranks and lag bound once. */
const RUNS: RunOptions[] = [1, 2, 3, 4].flatMap((ranks) =>
  [0, 1, 2, 3, 4].map((lagBound): RunOptions => {
    const seed = ranks * 10 + lagBound;
    return {
      ranks,
      lagBound,
      seed,
      steps: STEPS,
      ahead: seed % (lagBound + 2),
      calls: (["sync", "async", "mixed"] as const)[seed % 3],
      delayedSteps: [0.3, 0.05][seed % 2],
      counterStart: WRAPS[(seed >> 1) % 3],
    };
  }),
);

describe("ranks on threads of their own, delayed at random", () => {
  it.each(RUNS)("receive what was sent: $ranks ranks, lag bound $lagBound, $ahead ahead, $calls calls", async (run) => {
    const { ranks, furthestAhead } = await runRanks(run);
    for (const outcome of ranks) expect(outcome).toEqual({ received: STEPS, wrong: undefined, error: undefined });
    expect(furthestAhead).toBeLessThanOrEqual(run.lagBound + 1);
  });

  it("do go as far ahead as the bound allows, when a rank is late", async () => {
    const { ranks, furthestAhead } = await runRanks({ ...RUN, lagBound: 3, ahead: 4 });
    for (const outcome of ranks) expect(outcome).toEqual({ received: RUN.steps, wrong: undefined, error: undefined });
    expect(furthestAhead).toBe(4);
  });
});

describe("a rank on a thread of its own", () => {
  const STOP_AT = 10;

  it.each(["sync", "async"] as const)("that falls silent is named by every other with the step, in %s calls", async (calls) => {
    const { ranks } = await runRanks({ ...RUN, calls, timeoutMs: 200, stop: { rank: 1, turn: STOP_AT, how: "silent" } });
    expect(ranks[1]).toBeUndefined();
    for (const rank of [0, 2]) {
      expect(ranks[rank]).toEqual({
        received: STOP_AT,
        wrong: undefined,
        error: { code: "EMBEDDING_TIMEOUT", rank, peer: 1, step: STOP_AT },
      });
    }
  });

  it.each([
    ["closes", "sync"],
    ["closes", "async"],
    ["aborts", "sync"],
    ["aborts", "async"],
  ] as const)("that %s fails the %s waits of every other at once", async (how, calls) => {
    const start = performance.now();
    const { ranks } = await runRanks({ ...RUN, calls, timeoutMs: 20_000, stop: { rank: 1, turn: STOP_AT, how } });
    expect(performance.now() - start).toBeLessThan(10_000);
    for (const rank of [0, 2]) {
      expect(ranks[rank]).toMatchObject({ wrong: undefined, error: { code: "EMBEDDING_RANK_LOST", rank: 1, peer: undefined } });
    }
  });
});
