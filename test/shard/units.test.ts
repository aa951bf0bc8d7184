import { describe, expect, it } from "@jest/globals";
import { MOST_UNITS } from "#host/collective/offers.js";
import { seededRandom } from "../cases.js";
import { cutStep, ownParts, type Part, rowsOf, type TestStep } from "./step-in-words.js";

const DLRM_HOTS = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1];
const UNIT_BYTES = 262_144;

/** Bags of one length a feature. */
function even(hots: readonly number[], batchSize: number): number[][] {
  return hots.map((hot) => new Array<number>(batchSize).fill(hot));
}

function wholeTables(hots: readonly number[], batchSize: number, strideBytes: number): TestStep {
  return {
    ranks: 2,
    throughWindows: false,
    jobs: hots.map((_, feature) => ({ feature, strideBytes, rowCount: 100, numRows: 100 })),
    pieces: [{ slots: hots.map((_, slot) => slot), lengths: even(hots, batchSize) }],
    unitBytes: UNIT_BYTES,
  };
}

/** Every bag of every job, as often as units have it. */
function timesDone(units: readonly Part[][]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { piece, job, firstBag, bags } of units.flat()) {
    for (let bag = firstBag; bag < firstBag + bags; bag += 1) {
      const key = `piece ${piece}, job ${job}, bag ${bag}`;
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  return times;
}

function expectAllOnce(step: TestStep, units: readonly Part[][]): void {
  const times = timesDone(units);
  const wanted = ownParts(step);
  let missing = 0;
  for (const { piece, job, firstBag, bags } of wanted) {
    if (step.pieces[piece].slots[step.jobs[job].feature] < 0) continue;
    for (let bag = firstBag; bag < firstBag + bags; bag += 1) if (!times.has(`piece ${piece}, job ${job}, bag ${bag}`)) missing += 1;
  }
  expect(missing).toBe(0);
  expect(Math.max(...times.values())).toBe(1);
  const own = timesDone([wanted]);
  expect([...times.keys()].filter((key) => !own.has(key))).toEqual([]);
}

function rowsOfUnits(step: TestStep, units: readonly Part[][]): number[] {
  return units.map((parts) => parts.reduce((sum, part) => sum + rowsOf(step, part), 0));
}

describe("the units of a rank's part of a step", () => {
  it("of MLPerf DLRMv2, batch 256, are of much the same size: two ranks that take them in turn differ by less than 2 %", () => {
    const step = wholeTables(DLRM_HOTS, 256, 512);
    const units = cutStep(step);
    expectAllOnce(step, units);
    const rows = rowsOfUnits(step, units);
    expect(units.length).toBeGreaterThan(80);
    expect(Math.max(...rows) * 512).toBeLessThan(2 * UNIT_BYTES);
    const taken = [0, 0];
    for (const size of rows.reverse()) taken[taken[0] <= taken[1] ? 0 : 1] += size;
    expect(Math.max(...taken) / ((taken[0] + taken[1]) / 2)).toBeLessThan(1.02);
  });

  it.each(
    Array.from({ length: 60 }, (_, seed) => seed),
  )("have every bag of the rank's every job once, whatever the step: seed %i", (seed) => {
    const random = seededRandom(seed);
    const upTo = (most: number): number => Math.floor(random() * (most + 1));
    const features = 1 + upTo(6);
    const pieces = Array.from({ length: 1 + upTo(5) }, () => {
      const samples = upTo(3) === 0 ? 1 : upTo(120);
      const picked = Array.from({ length: features }, () => random() < 0.8);
      let slot = 0;
      const slots = picked.map((is) => (is ? slot++ : -1));
      const most = 10 ** upTo(3);
      const lengths = Array.from({ length: Math.max(1, slot) }, () => Array.from({ length: samples }, () => upTo(most)));
      return { slots, lengths };
    });
    const ranks = 1 + upTo(3);
    const step: TestStep = {
      ranks,
      rank: upTo(ranks - 1),
      replicated: Array.from({ length: features }, (_, feature) => feature).filter(() => random() < 0.4),
      throughWindows: random() < 0.5,
      jobs: Array.from({ length: 1 + upTo(8) }, () => ({
        feature: upTo(features - 1),
        strideBytes: 64 * (1 + upTo(8)),
        rowCount: 1 + upTo(99),
        numRows: 100,
      })),
      pieces,
      unitBytes: 4 ** (3 + upTo(6)),
    };
    const units = cutStep(step);
    expect(units).not.toHaveLength(1);
    if (units.length > 0) expectAllOnce(step, units);
  });

  it("of a replicated table are each rank's own slice, and the owner has the rest besides", () => {
    const step: TestStep = { ...wholeTables([40, 3], 512, 512), ranks: 4, replicated: [0], unitBytes: 65_536 };
    for (const rank of [0, 1, 2, 3]) {
      const units = cutStep({ ...step, rank });
      expectAllOnce({ ...step, rank }, units);
      const rows = rowsOfUnits(step, units).reduce((sum, n) => sum + n, 0);
      expect(rows).toBe(40 * 128 + (rank === 0 ? 3 * 512 : 0));
    }
  });

  it("are none where the part is less than two units", () => {
    expect(cutStep(wholeTables([1, 1], 100, 512))).toEqual([]);
    expect(cutStep(wholeTables([1, 1], 511, 512))).not.toEqual([]);
    expect(cutStep({ ...wholeTables([1, 1], 100, 512), unitBytes: 1024 })).not.toEqual([]);
  });

  it("never cut a bag, and cut around one that is larger than a unit", () => {
    const lengths = [[1, 5000, 1, 1, 4000, 1]];
    const step: TestStep = { ...wholeTables([1], 6, 512), pieces: [{ slots: [0], lengths }], unitBytes: 16_384 };
    const units = cutStep(step);
    expectAllOnce(step, units);
    expect(rowsOfUnits(step, units).filter((rows) => rows >= 4000)).toHaveLength(2);
  });

  it("join small lookups of a step, and cut large ones between them", () => {
    const small = { slots: [0, 1], lengths: even([1, 1], 4) };
    const large = { slots: [0, 1], lengths: even([3, 5], 1000) };
    const pieces = [small, small, large, ...new Array<typeof small>(2000).fill(small)];
    const step: TestStep = { ...wholeTables([1, 1], 1, 512), pieces };
    const units = cutStep(step);
    expectAllOnce(step, units);
    const whole = units.filter((parts) => new Set(parts.map(({ piece }) => piece)).size > 1);
    expect(whole.length).toBeGreaterThan(10);
    expect(units.length - whole.length).toBeGreaterThan(10);
  });

  it("are never more than there is room for, however many borders there are", () => {
    const piece = { slots: [0], lengths: even([40], 64) };
    const step: TestStep = {
      ...wholeTables([40], 1, 512),
      ranks: 64,
      throughWindows: true,
      pieces: new Array<typeof piece>(100).fill(piece),
      unitBytes: 1,
    };
    const units = cutStep(step);
    expectAllOnce(step, units);
    expect(units.length).toBeLessThanOrEqual(MOST_UNITS);
    expect(units.length).toBeGreaterThan(MOST_UNITS / 4);
  });

  it("are none where a rank has nothing to do", () => {
    expect(cutStep({ ...wholeTables(DLRM_HOTS, 256, 512), jobs: [] })).toEqual([]);
  });
});
