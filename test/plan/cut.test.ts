import { describe, expect, it } from "@jest/globals";
import { type Plan, type PlanTable, planTables, type Sharding } from "#host/plan/plan.js";

const NUM_ROWS = 10;

function planOne(table: Partial<PlanTable> & { sharding: Sharding }, ranks: number): Plan {
  return planTables([{ name: "t", numRows: NUM_ROWS, dim: 64, ...table }], { ranks });
}

const columnCounts = (dim: number, sharding: Sharding, ranks = 4): number[] =>
  planOne({ dim, sharding }, ranks).shards.map(({ columnCount }) => columnCount);

const rowCounts = (numRows: number, sharding: Sharding, ranks = 4): number[] =>
  planOne({ numRows, sharding }, ranks).shards.map(({ rowCount }) => rowCount);

describe('sharding "table"', () => {
  it("leaves the table whole on one rank", () => {
    for (const sharding of ["table", { by: "table" }, { by: "table", shards: 1 }] as const) {
      expect(planOne({ sharding }, 4).tables).toEqual([
        { name: "t", dtype: "fp32", by: "table", shards: [0], keyIndexBytes: 0, replicated: false },
      ]);
    }
  });
});

describe('sharding "row"', () => {
  it("makes a shard for every rank, at floor(rows * i / shards)", () => {
    const plan = planOne({ sharding: "row" }, 4);
    expect(plan.tables[0].by).toBe("row");
    expect(plan.shards.map(({ firstRow }) => firstRow)).toEqual([0, 2, 5, 7]);
    expect(rowCounts(NUM_ROWS, "row")).toEqual([2, 3, 2, 3]);
  });

  it("makes a shard for every row where there are fewer rows than ranks", () => {
    expect(rowCounts(3, "row")).toEqual([1, 1, 1]);
  });

  it("makes as many shards as asked for, also more than ranks, and spreads them", () => {
    const plan = planOne({ sharding: { by: "row", shards: 6 } }, 2);
    expect(plan.shards.map(({ rowCount }) => rowCount)).toEqual([1, 2, 2, 1, 2, 2]);
    expect(plan.imbalance.tableBytes).toBe(1);
  });

  it('is "table" where one shard comes out', () => {
    expect(planOne({ sharding: "row", numRows: 1 }, 4).tables[0].by).toBe("table");
    expect(planOne({ sharding: "row" }, 1).tables[0].by).toBe("table");
  });
});

describe('sharding "column"', () => {
  it("cuts at cache lines, a shard for every rank at most", () => {
    expect(columnCounts(128, "column")).toEqual([32, 32, 32, 32]);
    expect(columnCounts(128, "column", 3)).toEqual([32, 48, 48]);
    expect(columnCounts(48, "column")).toEqual([16, 16, 16]);
  });

  it("leaves a last line that is not full with the shard before it", () => {
    expect(columnCounts(100, "column")).toEqual([16, 32, 32, 20]);
    expect(columnCounts(40, "column")).toEqual([16, 24]);
  });

  it("cuts rows of less than two cache lines by fours of floats, and very short ones by floats", () => {
    expect(columnCounts(30, "column")).toEqual([8, 8, 8, 6]);
    expect(columnCounts(16, "column")).toEqual([4, 4, 4, 4]);
    expect(columnCounts(10, "column", 8)).toEqual([4, 4, 2]);
    expect(columnCounts(3, "column")).toEqual([1, 2]);
    expect(columnCounts(1, "column")).toEqual([1]);
  });

  it("makes as many shards as asked for, up to one for every column", () => {
    expect(columnCounts(64, { by: "column", shards: 2 })).toEqual([32, 32]);
    expect(columnCounts(64, { by: "column", shards: 8 })).toEqual([8, 8, 8, 8, 8, 8, 8, 8]);
    expect(columnCounts(5, { by: "column", shards: 5 })).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('sharding "auto"', () => {
  it("is the default", () => {
    expect(planTables([{ name: "t", numRows: 10, dim: 64 }], { ranks: 2 })).toEqual(planOne({ sharding: "auto" }, 2));
  });

  it("cuts by columns where every shard gets a cache line of them", () => {
    const plan = planOne({ sharding: "auto", dim: 64, numRows: 1e6 }, 4);
    expect(plan.tables[0]).toMatchObject({ by: "column", shards: [0, 1, 2, 3] });
  });

  it("cuts by rows where rows are too short for that", () => {
    const plan = planOne({ sharding: "auto", dim: 16, numRows: 1e6 }, 4);
    expect(plan.tables[0]).toMatchObject({ by: "row", shards: [0, 1, 2, 3] });
  });

  it("leaves whole what no cut makes lighter", () => {
    expect(planOne({ sharding: "auto", dim: 16, numRows: 1 }, 4).tables[0].by).toBe("table");
  });
});
