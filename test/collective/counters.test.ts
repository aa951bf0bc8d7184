import { describe, expect, it } from "@jest/globals";
import { Counters, distance, windowCount } from "#host/collective/counters.js";
import { RankSteps } from "#host/collective/steps.js";

const STARTS = [0, 2 ** 31 - 1, 2 ** 32 - 1];

function makeCounters(ranks: number): Counters {
  return new Counters(new Int32Array(Counters.byteLength(ranks) / Int32Array.BYTES_PER_ELEMENT), ranks);
}

describe("distance", () => {
  it.each(STARTS)("counts steps across the wrap, from %i", (start) => {
    for (let ahead = 0; ahead < 1024; ahead += 1) {
      expect(distance((start + ahead) | 0, start | 0)).toBe(ahead);
      // Negative zero would be a different number to toBe.
      expect(distance(start | 0, (start + ahead) | 0)).toBe(0 - ahead);
    }
  });
});

describe("windowCount", () => {
  it.each([
    [0, 2],
    [1, 4],
    [2, 4],
    [3, 8],
    [6, 8],
    [7, 16],
    [1022, 1024],
  ])("for lag bound %i is %i, the power of two with room for lagBound + 2 steps", (lagBound, windows) => {
    expect(windowCount(lagBound)).toBe(windows);
  });

  it.each(STARTS)("gives no two steps in flight the same window, from %i", (start) => {
    for (const lagBound of [0, 1, 2, 3, 5, 1022]) {
      const mask = windowCount(lagBound) - 1;
      const inFlight = Array.from({ length: lagBound + 2 }, (_, ahead) => ((start + ahead) | 0) & mask);
      expect(new Set(inFlight).size).toBe(lagBound + 2);
    }
  });
});

describe("Counters", () => {
  it("keep every word on a cache line of its own", () => {
    const ranks = 3;
    const counters = makeCounters(ranks);
    const touched = (write: () => void): number[] => {
      counters.words.fill(0);
      write();
      return [...counters.words.keys()].filter((word) => counters.words[word] !== 0);
    };
    const writes = [
      ...[0, 1, 2].flatMap((source) => [0, 1, 2].map((receiver) => () => counters.setPublished(source, receiver, 1))),
      ...[0, 1, 2].map((rank) => () => counters.setReleased(rank, 1)),
      ...[0, 1, 2, 3].map((who) => () => counters.ring(who)),
      () => counters.setRequested(1),
    ];
    const places = writes.flatMap(touched);
    expect(places).toHaveLength(writes.length);
    expect(new Set(places.map((word) => Math.floor(word / 16))).size).toBe(writes.length);
  });
});

/** Notes the order of stores and rings. */
class LoggedCounters extends Counters {
  readonly log: string[] = [];

  override setPublished(source: number, receiver: number, steps: number): void {
    super.setPublished(source, receiver, steps);
    this.log.push("publish");
  }

  override setReleased(rank: number, steps: number): void {
    super.setReleased(rank, steps);
    this.log.push("release");
  }

  override ring(rank: number): void {
    super.ring(rank);
    this.log.push(`ring ${rank}`);
  }
}

describe("RankSteps", () => {
  it("stores before it rings: who is woken by the bell sees why", () => {
    const counters = new LoggedCounters(new Int32Array(Counters.byteLength(2) / Int32Array.BYTES_PER_ELEMENT), 2);
    const [steps, peer] = [0, 1].map((rank) => new RankSteps(counters, rank, 0, 0));
    for (const one of [steps, peer]) {
      one.wrote();
      while (one.mayPublish()) one.publish();
    }
    expect(counters.log).toEqual(["publish", "ring 1", "publish", "ring 0", "publish", "ring 0", "publish", "ring 1"]);
    counters.log.length = 0;
    expect(steps.hasComplete()).toBe(true);
    steps.release();
    expect(counters.log).toEqual(["release", "ring 1"]);
  });

  it("says of the last release of a step, and of no other, that the step is over", () => {
    const counters = makeCounters(3);
    const ranks = [0, 1, 2].map((rank) => new RankSteps(counters, rank, 1, 0));
    for (const steps of ranks) {
      steps.wrote();
      while (steps.mayPublish()) steps.publish();
    }
    expect(ranks.map((steps) => steps.release())).toEqual([false, false, true]);
  });
});
