import { describe, expect, it } from "@jest/globals";
import { type StepTimes, simulate } from "#host/lag/simulate.js";
import { candidates, choose, type LagDecision, percentile, predict, type TunerLimits } from "#host/lag/tuner.js";
import { SHAPES, timesOf } from "./times.js";

const NO_BUDGET = Number.POSITIVE_INFINITY;

function decide(times: StepTimes, limits: TunerLimits): LagDecision {
  return choose(
    candidates(limits.maxLagBound).map((bound) => predict(times, bound)),
    limits,
    times.steps,
  );
}

describe("a decision", () => {
  it.each(["balanced", "persistent"] as const)("settles at a bound of at most 2 where lag cannot help: %s", (shape) => {
    for (const seed of [1, 2, 3]) {
      expect(decide(timesOf(shape, { seed }), { maxLagBound: 64, latencyBudgetMs: NO_BUDGET }).lagBound).toBeLessThanOrEqual(2);
    }
  });

  it.each(["rotating", "exponential", "rare"] as const)("reaches 0.95 of the best fixed bound on times it has not seen: %s", (shape) => {
    for (const seed of [1, 2, 3]) {
      const { lagBound } = decide(timesOf(shape, { seed }), { maxLagBound: 64, latencyBudgetMs: NO_BUDGET });
      const later = timesOf(shape, { seed: seed + 100, steps: 2000 });
      const best = Math.min(...candidates(64).map((bound) => simulate(later, { lagBound: bound }).totalMs));
      expect(best / simulate(later, { lagBound }).totalMs).toBeGreaterThan(0.95);
    }
  });

  it("takes the smallest bound that is as good: two for one late rank in turn, not sixty-four", () => {
    expect(decide(timesOf("rotating"), { maxLagBound: 64, latencyBudgetMs: NO_BUDGET }).lagBound).toBeLessThanOrEqual(8);
  });

  it.each(SHAPES)("stays within the latency budget, and synchronous when no bound keeps it: %s", (shape) => {
    const times = timesOf(shape);
    for (const latencyBudgetMs of [0.001, 5, 20, 100]) {
      const { lagBound, predictions, reason } = decide(times, { maxLagBound: 64, latencyBudgetMs });
      const chosen = predictions.find((one) => one.lagBound === lagBound);
      if (lagBound > 0) expect(chosen?.p99Ms).toBeLessThanOrEqual(latencyBudgetMs);
      if (latencyBudgetMs === 0.001)
        expect({ lagBound, reason }).toEqual({ lagBound: 0, reason: expect.stringMatching(/would pass the latency budget of 0.001 ms/) });
    }
  });

  it("says what it expects of every bound", () => {
    const { predictions, reason } = decide(timesOf("exponential"), { maxLagBound: 6, latencyBudgetMs: NO_BUDGET });
    expect(predictions.map(({ lagBound }) => lagBound)).toEqual([0, 1, 2, 4, 6]);
    expect(reason).toMatch(/^of the last 512 steps: 1\.\d\d times the synchronous rate, and no larger bound gives 3 % more$/);
  });
});

describe("candidates", () => {
  it.each([
    [0, [0]],
    [1, [0, 1]],
    [5, [0, 1, 2, 4, 5]],
    [64, [0, 1, 2, 4, 8, 16, 32, 64]],
  ])("up to %i are %j", (maxLagBound, bounds) => {
    expect(candidates(maxLagBound)).toEqual(bounds);
  });
});

describe("percentile", () => {
  it.each([
    [[], 0.99, 0],
    [[7], 0.5, 7],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 1, 4],
  ])("of %j at %d is %d", (values, share, expected) => {
    expect(percentile(values, share)).toBe(expected);
  });
});
