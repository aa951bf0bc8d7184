import { describe, expect, it } from "@jest/globals";
import type { StepTrace } from "lagbag";
import { creditsByRank } from "#host/lab/credits.js";

/** Times of [step][rank]: when each had pooled, and when it had finished. */
function traces(pooled: readonly (readonly number[])[], finished: readonly (readonly number[])[]): StepTrace[] {
  return pooled.map((ms, step) => ({
    step: 100 + step,
    samples: 4,
    lookups: 1,
    requestedMs: 0,
    overMs: 1000,
    ranks: ms.map((writeEndMs, rank) => ({
      writeStartMs: writeEndMs,
      writeEndMs,
      finishStartMs: finished[step][rank],
      finishEndMs: finished[step][rank],
      gatheredRows: 0,
    })),
  }));
}

describe("creditsByRank", () => {
  it("counts what the slowest rank has released when a step was pooled", () => {
    // Rank 0 pools a step a millisecond; rank 1 finishes its first step at 2.5 ms, the others at once after it.
    const late = traces(
      [
        [0, 0],
        [1, 2.6],
        [2, 2.7],
        [3, 2.8],
      ],
      [
        [0.5, 2.5],
        [1.5, 2.65],
        [2.5, 2.75],
        [3.5, 2.85],
      ],
    );
    // Bound 1: two credits for step 0, one for step 1, none for step 2; at 3 ms both have released 3 steps.
    expect(creditsByRank(late, 1)).toEqual([
      { mean: (2 + 1 + 0 + 2) / 4, without: 1 / 4 },
      { mean: 2, without: 0 },
    ]);
    expect(creditsByRank(late, 4)[0].mean).toBe((5 + 4 + 3 + 5) / 4);
  });

  it("says nothing of no steps", () => {
    expect(creditsByRank([], 4)).toEqual([]);
  });
});
