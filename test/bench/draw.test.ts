import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "#bench/random.js";
import { drawFrom, REUSE_BINS, scatter, zipfRank } from "#bench/workloads/draw.js";

const DRAWS = 200_000;

describe("zipfRank", () => {
  it.each([1.05, 1, 0.6, 2])("draws the n-th rank in proportion to 1 / n ** %p", (exponent) => {
    const count = 50;
    const random = seededRandom(5);
    const draw = zipfRank(count, exponent);
    const seen = new Float64Array(count);
    for (let n = 0; n < DRAWS; n += 1) seen[draw(random)] += 1;
    const weights = Array.from({ length: count }, (_, n) => (n + 1) ** -exponent);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [rank, weight] of weights.entries()) {
      const expected = (weight / total) * DRAWS;
      // Five standard deviations of a count.
      expect(Math.abs(seen[rank] - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1);
    }
  });

  it.each([1, 2, 3])("stays below %p", (count) => {
    const random = seededRandom(count);
    const draw = zipfRank(count, 1.05);
    for (let n = 0; n < 1000; n += 1) {
      const rank = draw(random);
      expect(Number.isInteger(rank) && rank >= 0 && rank < count).toBe(true);
    }
  });
});

describe("scatter", () => {
  it.each([1, 2, 3, 10, 64, 1000, 9973])("gives each of %p numbers another place", (count) => {
    const place = scatter(count);
    expect(new Set(Array.from({ length: count }, (_, n) => place(n))).size).toBe(count);
  });

  it("puts neighbours apart", () => {
    const place = scatter(1_000_000);
    for (let n = 0; n < 100; n += 1) expect(Math.abs(place(n + 1) - place(n))).toBeGreaterThan(1000);
  });
});

describe("reuse bins", () => {
  /** Share of accesses that go to rows wanted about 2 ** bin times: from 2 ** (bin - 0.5) on. */
  function sharesOf(counts: Iterable<number>, bins: number): number[] {
    const shares = new Array<number>(bins).fill(0);
    let all = 0;
    for (const count of counts) {
      shares[Math.min(bins - 1, Math.max(0, Math.round(Math.log2(count))))] += count;
      all += count;
    }
    return shares.map((share) => share / all);
  }

  it("give rows that are wanted often, and rows that are wanted rarely, their shares of the accesses", () => {
    const accesses = 400_000;
    const random = seededRandom(8);
    const draw = drawFrom({ kind: "reuse" }, { numRows: 1_000_000, accesses });
    const counts = new Map<number, number>();
    for (let n = 0; n < accesses; n += 1) {
      const row = draw(random);
      counts.set(row, (counts.get(row) ?? 0) + 1);
    }
    const total = REUSE_BINS.reduce((sum, share) => sum + share, 0);
    const shares = sharesOf(counts.values(), REUSE_BINS.length);
    // Random counts blur neighbouring bins: shares of four together, which the blur moves little.
    for (const [first, end] of [
      [0, 4],
      [4, 8],
      [8, 12],
      [12, 17],
    ]) {
      const sum = (values: readonly number[]): number => values.slice(first, end).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum(shares) - sum(REUSE_BINS) / total)).toBeLessThan(0.04);
    }
  });

  it.each([1, 5, 17, 100])("stay within a table of %p rows", (numRows) => {
    const random = seededRandom(3);
    const draw = drawFrom({ kind: "reuse" }, { numRows, accesses: 10_000 });
    for (let n = 0; n < 5000; n += 1) {
      const row = draw(random);
      expect(Number.isInteger(row) && row >= 0 && row < numRows).toBe(true);
    }
  });
});

describe("uniform", () => {
  it("reaches every row alike", () => {
    const random = seededRandom(1);
    const draw = drawFrom({ kind: "uniform" }, { numRows: 10, accesses: 0 });
    const seen = new Float64Array(10);
    for (let n = 0; n < 100_000; n += 1) seen[draw(random)] += 1;
    for (const count of seen) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
