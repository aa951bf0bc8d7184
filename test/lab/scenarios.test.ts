import { describe, expect, it } from "@jest/globals";
import { planDelays, poissonArrivals, SCENARIOS, type Scenario } from "#host/lab/scenarios.js";

const SIZES = { steps: 4000, ranks: 4, baseMs: 1, delayMs: 3, seed: 5 };
const NAMES = Object.keys(SCENARIOS) as Scenario[];

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("planDelays", () => {
  it.each(NAMES)("gives %s the same for the same seed, never negative", (scenario) => {
    const planned = planDelays(scenario, SIZES);
    expect(planned).toHaveLength(SIZES.steps * SIZES.ranks);
    expect(planDelays(scenario, SIZES)).toEqual(planned);
    expect(planned.every((ms) => ms >= 0)).toBe(true);
  });

  it.each<[Scenario, number]>([
    ["none", 1],
    ["constant", 1.75],
    ["rotating", 1.75],
    ["exponential", 4],
    ["rare", 1.75],
    ["skew", 0],
    ["rows", 0],
    ["core", 1],
  ])("makes ranks of %s take %d ms on average", (scenario, meanMs) => {
    const mean = meanOf(planDelays(scenario, SIZES));
    expect(Math.abs(mean - meanMs)).toBeLessThanOrEqual(0.2);
  });

  it("makes one rank late in every step, each in turn, or always the same", () => {
    const lateIn = (scenario: Scenario, step: number): number[] =>
      [0, 1, 2, 3].filter((rank) => planDelays(scenario, SIZES)[step * 4 + rank] > SIZES.baseMs);
    expect([0, 1, 2, 3, 4].map((step) => lateIn("rotating", step))).toEqual([[0], [1], [2], [3], [0]]);
    expect([0, 1, 2, 3, 4].map((step) => lateIn("constant", step))).toEqual([[1], [1], [1], [1], [1]]);
  });

  it("rare: has few pauses, and they are long", () => {
    const late = planDelays("rare", SIZES).filter((ms) => ms > SIZES.baseMs);
    // One in 80 of 16,000.
    expect(late.length).toBeGreaterThan(150);
    expect(late.length).toBeLessThan(250);
    expect(new Set(late)).toEqual(new Set([61]));
  });

  it("exponential: the slowest of four takes 1 + 3 x 25/12 ms on average, as the maximum of exponentials does", () => {
    const planned = planDelays("exponential", { ...SIZES, steps: 50_000 });
    let sumMs = 0;
    for (let entry = 0; entry < planned.length; entry += 4) sumMs += Math.max(...planned.subarray(entry, entry + 4));
    expect(sumMs / 50_000).toBeCloseTo(1 + (3 * 25) / 12, 1);
  });
});

describe("poissonArrivals", () => {
  it("come ascending, at the rate, the same for the same seed", () => {
    const arrivals = poissonArrivals(10_000, { perSecond: 200, seed: 3 });
    expect(arrivals.every((ms, n) => n === 0 || ms >= arrivals[n - 1])).toBe(true);
    expect((10_000 / arrivals[9999]) * 1000).toBeGreaterThan(190);
    expect((10_000 / arrivals[9999]) * 1000).toBeLessThan(210);
    expect(poissonArrivals(10_000, { perSecond: 200, seed: 3 })).toEqual(arrivals);
  });
});
