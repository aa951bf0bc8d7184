import { describe, expect, it } from "@jest/globals";
import { type Plan, type PlanTable, planTables } from "#host/plan/plan.js";
import { seededRandom } from "../cases.js";
import { criteoKaggle, equalTables, GIB, mlperfDlrm } from "./tables.js";

const cutTables = (plan: Plan): string[] => plan.tables.filter(({ by }) => by !== "table").map(({ name }) => name);
const tablesOn = (plan: Plan, rank: number): number => plan.shards.filter((shard) => shard.rank === rank).length;

describe("MLPerf DLRMv2 over 8 ranks of 16 GiB", () => {
  const plan = planTables(mlperfDlrm(), { ranks: 8, rankMemoryBytes: 16 * GIB });

  it("is balanced to 1.15 in gathered bytes", () => {
    expect(plan.imbalance.gatheredBytes).toBeLessThanOrEqual(1.15);
  });

  it("holds no more than 16 GiB a rank", () => {
    for (const { tableBytes } of plan.load) expect(tableBytes).toBeLessThanOrEqual(16 * GIB);
  });

  it("cuts by columns, and only the five tables that do not fit a rank", () => {
    expect(cutTables(plan)).toEqual(["m0", "m9", "m19", "m20", "m21"]);
    for (const { by } of plan.tables) expect(by).not.toBe("row");
  });

  it("is as good as whole tables can be where those are asked for: the hottest one decides", () => {
    const whole = planTables(mlperfDlrm("table"), { ranks: 8 });
    expect(whole.imbalance.gatheredBytes).toBeCloseTo((100 * 8) / 214, 6);
  });

  it.each([12.3, 13, 14, 20, 32])("stays balanced with %d GiB a rank", (gib) => {
    expect(planTables(mlperfDlrm(), { ranks: 8, rankMemoryBytes: gib * GIB }).imbalance.gatheredBytes).toBeLessThanOrEqual(1.15);
  });
});

describe("Criteo Kaggle", () => {
  it.each([
    [2, 1, 1.1],
    [4, 1.08, 1.25],
  ])("over %i ranks stays whole, gathered bytes within %d and table bytes within %d of even", (ranks, gathered, held) => {
    const plan = planTables(criteoKaggle(), { ranks });
    expect(cutTables(plan)).toEqual([]);
    expect(plan.imbalance.gatheredBytes).toBeLessThanOrEqual(gathered);
    expect(plan.imbalance.tableBytes).toBeLessThanOrEqual(held);
  });

  it("over 8 ranks cuts the three largest tables alone", () => {
    const plan = planTables(criteoKaggle(), { ranks: 8 });
    expect(cutTables(plan)).toEqual(["c2", "c11", "c20"]);
    expect(plan.imbalance.gatheredBytes).toBeLessThanOrEqual(1.125);
    expect(plan.imbalance.tableBytes).toBeLessThanOrEqual(1.5);
  });
});

describe("DeepRecSys over 4 ranks", () => {
  const shapes: [string, number, Omit<PlanTable, "name">][] = [
    ["RM1", 8, { numRows: 4e6, dim: 32, lookupsPerSample: 80 }],
    ["RM2", 32, { numRows: 5e5, dim: 64, lookupsPerSample: 120 }],
    ["RM3", 10, { numRows: 2e6, dim: 32, lookupsPerSample: 20 }],
  ];
  it.each(shapes)("balances %s", (_, count, table) => {
    const plan = planTables(equalTables(count, table), { ranks: 4 });
    expect(plan.imbalance).toEqual({ gatheredBytes: 1, tableBytes: 1 });
  });
});

describe("small cases", () => {
  it("one rank holds every table whole", () => {
    const plan = planTables(mlperfDlrm(), { ranks: 1 });
    expect(plan.shards).toHaveLength(26);
    expect(cutTables(plan)).toEqual([]);
  });

  it("one table over two ranks is cut in two", () => {
    const plan = planTables([{ name: "t", numRows: 1_000_000, dim: 64 }], { ranks: 2 });
    expect(plan.shards.map(({ rank, columnCount }) => ({ rank, columnCount }))).toEqual([
      { rank: 0, columnCount: 32 },
      { rank: 1, columnCount: 32 },
    ]);
  });

  it("26 equal tables over two ranks are 13 and 13, uncut", () => {
    const plan = planTables(equalTables(26, { numRows: 100_000, dim: 16 }), { ranks: 2 });
    expect(cutTables(plan)).toEqual([]);
    expect([tablesOn(plan, 0), tablesOn(plan, 1)]).toEqual([13, 13]);
  });

  it("three equal tables over two ranks cut one of them", () => {
    const plan = planTables(equalTables(3, { numRows: 1000, dim: 64 }), { ranks: 2 });
    expect(plan.shards).toHaveLength(4);
    expect(plan.imbalance.gatheredBytes).toBe(1);
  });

  it("a huge table that is never read is cut for the sake of memory", () => {
    const huge = { name: "huge", numRows: 10_000_000, dim: 16, lookupsPerSample: 0 };
    const plan = planTables([huge, ...equalTables(8, { numRows: 1000, dim: 16 })], { ranks: 8 });
    expect(cutTables(plan)).toEqual(["huge"]);
    expect(plan.imbalance.gatheredBytes).toBe(1);
    expect(plan.imbalance.tableBytes).toBeLessThanOrEqual(1.5);
  });

  it("a small table that is never read stays whole", () => {
    const small = { name: "small", numRows: 10_000, dim: 16, lookupsPerSample: 0 };
    expect(cutTables(planTables([small, ...equalTables(8, { numRows: 10, dim: 16 })], { ranks: 8 }))).toEqual([]);
  });

  it("tables that fit whole in no arrangement are cut until they fit", () => {
    const rowBytes = 256;
    const plan = planTables(equalTables(3, { numRows: 6000, dim: 64 }), { ranks: 2, rankMemoryBytes: 10_000 * rowBytes });
    expect(plan.imbalance.tableBytes).toBe(1);
  });

  it("room that a fixed table leaves unevenly is filled with uneven parts of another", () => {
    const rowBytes = 256;
    const fixed: PlanTable = { name: "fixed", numRows: 10_000, dim: 64, sharding: "table" };
    const rankMemoryBytes = 17_000 * rowBytes;
    const plan = planTables([fixed, { name: "free", numRows: 22_000, dim: 64 }], { ranks: 2, rankMemoryBytes });
    for (const { tableBytes } of plan.load) expect(tableBytes).toBeLessThanOrEqual(rankMemoryBytes);
  });
});

describe("1,000 tables over 64 ranks", () => {
  const random = seededRandom(1000);
  const tables = Array.from({ length: 1000 }, (_, index) => ({
    name: `t${index}`,
    numRows: Math.ceil(10 ** (6.5 * random())),
    dim: [8, 16, 32, 64, 100, 128][index % 6],
    lookupsPerSample: Math.exp(5 * random() - 2),
  }));

  it("are balanced", () => {
    const plan = planTables(tables, { ranks: 64 });
    expect(plan.imbalance.gatheredBytes).toBeLessThanOrEqual(1.125);
  });
});
