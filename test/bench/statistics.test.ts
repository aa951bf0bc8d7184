import { describe, expect, it } from "@jest/globals";
import { caseReport, compare, formatComparison } from "#bench/report.js";
import { median, quantile, ratios, summarise } from "#bench/statistics.js";

describe("median", () => {
  it("is the middle one of an odd number of values, in whatever order", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it("is the mean of the two middle ones of an even number", () => {
    expect(median([4, 1, 100, 2])).toBe(3);
  });

  it("is not moved by one round on a stolen core", () => {
    expect(median([10, 10, 10, 10, 0.1])).toBe(10);
  });

  it("refuses no values at all", () => {
    expect(() => median([])).toThrow("got no values, expected at least one");
  });
});

describe("summarise", () => {
  it("tells median, quarters and extremes, and leaves the rounds as they were", () => {
    const rounds = [5, 1, 4, 2, 3];
    expect(summarise(rounds)).toEqual({ rounds: 5, median: 3, min: 1, q1: 2, q3: 4, max: 5 });
    expect(rounds).toEqual([5, 1, 4, 2, 3]);
  });

  it("is one value all over with one round", () => {
    expect(summarise([7])).toEqual({ rounds: 1, median: 7, min: 7, q1: 7, q3: 7, max: 7 });
  });
});

describe("quantile", () => {
  it("lies between neighbours in proportion", () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });
});

describe("ratios", () => {
  it("divides round by round, so that a machine that slows down falls out", () => {
    expect(ratios([20, 10, 5], [10, 5, 2.5])).toEqual([2, 2, 2]);
  });

  it("refuses rounds that do not belong together", () => {
    expect(() => ratios([1, 2], [1])).toThrow("got 2 and 1 rounds");
  });
});

describe("a comparison", () => {
  it("takes the median of the ratios, not the ratio of the medians", () => {
    const comparison = compare(caseReport("a", "rows/s", [10, 40, 90]), caseReport("b", "rows/s", [10, 10, 30]));
    expect(comparison.rounds).toEqual([1, 4, 3]);
    expect(comparison.summary.median).toBe(3);
  });

  it("is printed with its spread and its goal", () => {
    const comparison = compare(caseReport("a", "rows/s", [10, 40, 90]), caseReport("b", "rows/s", [10, 10, 30]), 2.5);
    expect(formatComparison(comparison)).toBe("a / b: 3.00 (1.00 - 4.00), goal >= 2.5");
  });
});
