import { describe, expect, it } from "@jest/globals";
import { exponential, fillElements, partSeed, seededRandom } from "#bench/random.js";

const SEED = 7;
const MANY = 100_000;

describe("seededRandom", () => {
  it("gives the same numbers for a seed, in [0, 1)", () => {
    const numbers = Array.from({ length: 1000 }, seededRandom(SEED));
    expect(Array.from({ length: 1000 }, seededRandom(SEED))).toEqual(numbers);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  });

  it("gives others for another seed", () => {
    expect(seededRandom(SEED)()).not.toBe(seededRandom(SEED + 1)());
  });
});

describe("exponential", () => {
  it("has the mean that was asked for, and is never negative", () => {
    const random = seededRandom(SEED);
    const numbers = Array.from({ length: MANY }, () => exponential(random, 3));
    expect(Math.min(...numbers.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(numbers.reduce((sum, number) => sum + number) / MANY).toBeCloseTo(3, 1);
  });
});

describe("fillElements", () => {
  it("gives an element the same value in whatever pieces the table is asked for", () => {
    const whole = new Float32Array(1000);
    fillElements(SEED, 0, whole);
    const pieces = new Float32Array(1000);
    for (const [start, end] of [
      [0, 1],
      [1, 400],
      [400, 1000],
    ])
      fillElements(SEED, start, pieces.subarray(start, end));
    expect(pieces).toEqual(whole);
  });

  it("spreads values over [-1, 1)", () => {
    const values = new Float32Array(MANY);
    fillElements(SEED, 123, values);
    const mean = values.reduce((sum, value) => sum + value) / MANY;
    const square = values.reduce((sum, value) => sum + value * value, 0) / MANY;
    expect(values.every((value) => value >= -1 && value < 1)).toBe(true);
    expect(mean).toBeCloseTo(0, 1);
    expect(square).toBeCloseTo(1 / 3, 1);
  });

  it("gives neighbouring tables different values", () => {
    const [a, b] = [0, 1].map((part) => {
      const values = new Float32Array(100);
      fillElements(partSeed(SEED, part), 0, values);
      return values;
    });
    expect(a.filter((value, n) => value === b[n]).length).toBeLessThan(5);
  });
});
