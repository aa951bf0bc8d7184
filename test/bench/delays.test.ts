import { describe, expect, it } from "@jest/globals";
import { DELAY_SHAPES, type DelayOptions, type DelayShape, planDelays } from "#bench/bls/delays.js";
import { idealGain } from "#bench/bls/ideal.js";

const OPTIONS: DelayOptions = { steps: 200, ranks: 4, baseMs: 1, delayMs: 3, seed: 20_260_101 };
const SHAPES = Object.keys(DELAY_SHAPES) as DelayShape[];

describe("idealGain", () => {
  it("divides the sum of the slowest by the slowest sum", () => {
    // Two steps of three ranks: the slowest are 5 and 7, the ranks' sums 6, 9 and 4.
    const times = Float64Array.of(5, 2, 1, 1, 7, 3);
    expect(idealGain(times, 3)).toEqual({ synchronousMs: 12, unboundedMs: 9, gain: 12 / 9 });
  });

  it("is 1 where all ranks are alike, and where one rank is always the slowest", () => {
    expect(idealGain(Float64Array.of(2, 2, 2, 2), 2).gain).toBe(1);
    expect(idealGain(Float64Array.of(9, 1, 8, 2), 2).gain).toBe(1);
  });

  it("is the number of ranks where they take turns and cost nothing otherwise", () => {
    expect(idealGain(Float64Array.of(4, 0, 0, 4), 2).gain).toBe(2);
  });
});

describe("planDelays", () => {
  it.each(SHAPES)("%s: is the same for a seed, has a time for each rank and step, and none is below the base", (shape) => {
    const times = planDelays(shape, OPTIONS);
    expect(planDelays(shape, OPTIONS)).toEqual(times);
    expect(times.length).toBe(OPTIONS.steps * OPTIONS.ranks);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(OPTIONS.baseMs);
  });

  it("none: gains nothing", () => {
    expect(idealGain(planDelays("none", OPTIONS), OPTIONS.ranks).gain).toBe(1);
  });

  it("rotating: is late on each rank in its turn, 4 ms against 1.75 ms on average", () => {
    const times = planDelays("rotating", OPTIONS);
    expect([...times.subarray(0, 8)]).toEqual([4, 1, 1, 1, 1, 4, 1, 1]);
    expect(idealGain(times, OPTIONS.ranks).gain).toBeCloseTo(4 / 1.75, 10);
  });

  it("exponential: comes near the 1.8 that (1 + 3 x 25/12) / (1 + 3) promises over many steps", () => {
    const times = planDelays("exponential", { ...OPTIONS, steps: 50_000 });
    expect(idealGain(times, OPTIONS.ranks).gain).toBeCloseTo((1 + (3 * 25) / 12) / 4, 1);
  });

  it("rare: has few pauses, and they are long", () => {
    const late = planDelays("rare", { ...OPTIONS, steps: 8000 }).filter((time) => time > OPTIONS.baseMs);
    expect(late.length).toBeGreaterThan(300);
    expect(late.length).toBeLessThan(500);
    expect(new Set(late)).toEqual(new Set([61]));
  });
});
