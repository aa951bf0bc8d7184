import { describe, expect, it } from "@jest/globals";
import { measureRounds, orderOfRound } from "#bench/measure/rounds.js";
import { takeSample } from "#bench/measure/sample.js";

const QUICK = { minSeconds: 0.01, firstRuns: 1 };

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("takeSample", () => {
  it("really runs a synchronous case, as often as it says", async () => {
    let runs = 0;
    const sample = await takeSample(
      {
        kind: "sync",
        name: "spin",
        unitsPerRun: 10,
        run: () => {
          runs += 1;
          spin(1);
        },
      },
      QUICK,
    );
    expect(sample.runs).toBeGreaterThanOrEqual(1);
    expect(runs).toBeGreaterThanOrEqual(sample.runs);
    // A run spins for 1 ms at least, however busy the machine is: 10 units in it are 10,000 a second at most.
    expect(sample.unitsPerSecond).toBeLessThanOrEqual(10_000);
    expect(sample.unitsPerSecond).toBeGreaterThan(0);
  });

  it("waits for an asynchronous case", async () => {
    let under = 0;
    let most = 0;
    const run = async (): Promise<void> => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setTimeout(resolve, 2));
      under -= 1;
    };
    const sample = await takeSample({ kind: "async", name: "sleep", unitsPerRun: 1, run }, QUICK);
    expect(most).toBe(1);
    expect(sample.unitsPerSecond).toBeLessThanOrEqual(510);
  });

  it("rejects with what a synchronous case throws", async () => {
    const run = (): void => {
      throw new Error("wrong output");
    };
    await expect(takeSample({ kind: "sync", name: "bad", unitsPerRun: 1, run }, QUICK)).rejects.toThrow("wrong output");
  });

  it("rejects with what an asynchronous case rejects with, instead of hanging", async () => {
    const run = (): Promise<void> => Promise.reject(new Error("wrong output"));
    await expect(takeSample({ kind: "async", name: "bad", unitsPerRun: 1, run }, QUICK)).rejects.toThrow("wrong output");
  });
});

describe("measureRounds", () => {
  it("gives every case a rate in every round, and warms up in one more", async () => {
    const started: string[] = [];
    const cases = ["a", "b", "c"].map((name) => ({ kind: "sync", name, unitsPerRun: 1, run: () => spin(0.1) }) as const);
    const rates = await measureRounds(cases, {
      rounds: 2,
      sampleSeconds: 0.005,
      onStart: (name, round) => started.push(`${name}${round}`),
    });
    expect(rates.map((rounds) => rounds.length)).toEqual([2, 2, 2]);
    expect(started).toEqual(["a-1", "b-1", "c-1", "c0", "b0", "a0", "b1", "c1", "a1"]);
  });
});

describe("orderOfRound", () => {
  it("has every case once", () => {
    for (let round = 0; round < 10; round += 1) expect(orderOfRound(4, round).toSorted()).toEqual([0, 1, 2, 3]);
  });

  it("lets every case come first and last", () => {
    const orders = Array.from({ length: 6 }, (_, round) => orderOfRound(3, round));
    expect(new Set(orders.map((order) => order[0]))).toEqual(new Set([0, 1, 2]));
    expect(new Set(orders.map((order) => order[2]))).toEqual(new Set([0, 1, 2]));
  });
});
