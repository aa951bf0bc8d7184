import { describe, expect, it } from "@jest/globals";
import { type StepTimes, simulate, unboundedMs } from "#host/lag/simulate.js";
import { SHAPES, timesOf } from "./times.js";

const BOUNDS = [0, 1, 2, 3, 4, 8, 16, 64];

/** Steps without pooling time, from rows of the stage's milliseconds. */
function stages(rows: number[][], more: Partial<StepTimes> = {}): StepTimes {
  const finishMs = Float64Array.from(rows.flat());
  return {
    ranks: rows[0].length,
    steps: rows.length,
    writeMs: new Float64Array(finishMs.length),
    finishMs,
    stage: true,
    asynchronous: false,
    ...more,
  };
}

describe("simulate", () => {
  it("takes the slowest rank of each step with lag bound 0", () => {
    const times = stages([
      [1, 4],
      [4, 1],
      [2, 2],
      [1, 3],
    ]);
    expect(simulate(times, { lagBound: 0 }).totalMs).toBeCloseTo(4 + 4 + 2 + 3, 10);
  });

  it("takes the slowest rank on average when the bound is as large as the run", () => {
    const times = stages([
      [1, 4],
      [4, 1],
      [2, 2],
      [1, 3],
    ]);
    expect(simulate(times, { lagBound: 4 }).totalMs).toBeCloseTo(10, 10);
    expect(unboundedMs(times)).toBe(10);
  });

  it("lets a rank be one step ahead with lag bound 1, and no more", () => {
    // Rank 1 takes 3 ms in the first step: rank 0 goes on with step 1 meanwhile and waits with step 2.
    const times = stages([
      [1, 3],
      [1, 1],
      [1, 1],
    ]);
    expect(simulate(times, { lagBound: 0 }).totalMs).toBeCloseTo(5, 10);
    const { latencyMs, totalMs } = simulate(times, { lagBound: 1 });
    expect(totalMs).toBeCloseTo(5, 10);
    expect(latencyMs[0]).toBeCloseTo(3, 10);
    expect(
      simulate(
        stages([
          [1, 3],
          [3, 1],
          [1, 1],
        ]),
        { lagBound: 1 },
      ).totalMs,
    ).toBeCloseTo(5, 10);
  });

  it.each(
    SHAPES,
  )("is never faster than without any bound, never slower than synchronous, and with lag for ever what no bound gives: %s", (shape) => {
    const times = timesOf(shape);
    const least = unboundedMs(times);
    const [synchronous, ...lagging] = BOUNDS.map((lagBound) => simulate(times, { lagBound }).totalMs);
    for (const totalMs of lagging) {
      expect(totalMs).toBeLessThanOrEqual(synchronous * 1.0001);
      expect(totalMs).toBeGreaterThanOrEqual(least * 0.9999);
    }
    expect(simulate(times, { lagBound: 1022 }).totalMs).toBeLessThan(least * 1.01);
  });

  it("overlaps pooling with stages that go on elsewhere, and only with those", () => {
    // One rank, 2 ms of pooling and 2 ms of stage in each of ten steps.
    const rows = Array.from({ length: 10 }, () => [2]);
    const writeMs = new Float64Array(10).fill(2);
    for (const lagBound of [0, 1, 4]) {
      expect(simulate(stages(rows, { writeMs }), { lagBound }).totalMs).toBeCloseTo(40, 10);
      expect(simulate(stages(rows, { writeMs, asynchronous: true }), { lagBound }).totalMs).toBeCloseTo(22, 10);
    }
    expect(unboundedMs(stages(rows, { writeMs }))).toBe(40);
    expect(unboundedMs(stages(rows, { writeMs, asynchronous: true }))).toBe(20);
  });

  it("asks for steps when they arrive: with long pauses between, a step takes the slowest rank's time and no queue", () => {
    const times = stages([
      [1, 4],
      [4, 1],
      [2, 3],
    ]);
    const { latencyMs, totalMs } = simulate(times, { lagBound: 2, arrivalsMs: Float64Array.of(0, 100, 200) });
    expect([...latencyMs].map((ms) => Math.round(ms * 1e6) / 1e6)).toEqual([4, 4, 3]);
    expect(totalMs).toBeCloseTo(203, 10);
  });

  it("counts a step's wait for a slot of the ring to its latency when it has arrived", () => {
    const times = stages([[2], [2], [2], [2]]);
    const { latencyMs } = simulate(times, { lagBound: 0, depth: 1, arrivalsMs: new Float64Array(4) });
    expect([...latencyMs]).toEqual([2, 4, 6, 8]);
  });

  it("pools on while a stage's promise is pending", () => {
    const rows = [[5], [5]];
    const writeMs = new Float64Array(2).fill(2);
    const arrivalsMs = Float64Array.of(0, 3);
    // The second step arrives at 3 ms, in the middle of the first one's stage, which lasts from 2 to 7.
    expect(simulate(stages(rows, { writeMs }), { lagBound: 1, arrivalsMs }).totalMs).toBeCloseTo(7 + 2 + 5, 10);
    expect(simulate(stages(rows, { writeMs, asynchronous: true }), { lagBound: 1, arrivalsMs }).totalMs).toBeCloseTo(7 + 5, 10);
  });

  it("comes to an end for no steps and for one rank", () => {
    expect(simulate(stages([[1]], { steps: 0 }), { lagBound: 0 })).toEqual({ totalMs: 0, latencyMs: new Float64Array(0) });
    expect(simulate(stages([[1], [2]]), { lagBound: 7 }).totalMs).toBeCloseTo(3, 10);
  });
});
