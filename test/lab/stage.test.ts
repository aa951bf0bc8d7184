import { describe, expect, it } from "@jest/globals";
import { createStage, type LabStageOptions, type Spending } from "#host/lab/stage.js";

const FEATURES = Float32Array.of(1, 2);

/** Rank 1 of 2, which is late by 30 ms in step 1 of 2, and not at all in step 0. */
function stageOf(spending: Spending) {
  const options: LabStageOptions = { steps: 2, spending, plannedMs: Float64Array.of(500, 0, 500, 30), hedge: undefined };
  return createStage({ rank: 1, ranks: 2, columnOffsets: [0, 2], options });
}

function slice(step: number) {
  return { step, firstSample: 0, sampleCount: 1 };
}

describe("the lab's stage", () => {
  it.each<Spending>(["block", "compute"])("%s: takes as long as it is told to before it returns, steps in rotation", (spending) => {
    const stage = stageOf(spending);
    const startMs = performance.now();
    expect(stage.run(FEATURES, slice(0))).toBe(FEATURES);
    const lateMs = performance.now();
    expect(stage.run(FEATURES, slice(3))).toBe(FEATURES);
    expect(performance.now() - lateMs).toBeGreaterThanOrEqual(29);
    expect(lateMs - startMs).toBeLessThan(500);
  });

  it("promise: returns at once, and what it promised comes as late as it is told to be", async () => {
    const stage = stageOf("promise");
    await expect(stage.run(FEATURES, slice(0))).resolves.toBe(FEATURES);
    const startMs = performance.now();
    const promised = stage.run(FEATURES, slice(3));
    expect(promised).toBeInstanceOf(Promise);
    expect(await promised).toBe(FEATURES);
    expect(performance.now() - startMs).toBeGreaterThan(28);
  });
});
