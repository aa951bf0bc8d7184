import { describe, expect, it } from "@jest/globals";
import { type Plan, type PlanTable, planTables } from "#host/plan/plan.js";

const NUM_ROWS = 1000;

function planOne(table: Partial<PlanTable>, ranks: number): Plan {
  return planTables([{ name: "t", numRows: NUM_ROWS, dim: 64, ...table }], { ranks });
}

it.each([
  // 1,000 rows: stride, all bytes, bytes a sample gathers (one lookup)
  { dtype: "fp32", dim: 64, strideBytes: 256, bytes: 256_000, gathered: 256 },
  { dtype: "fp16", dim: 64, strideBytes: 128, bytes: 128_000, gathered: 128 },
  { dtype: "int8", dim: 64, strideBytes: 64, bytes: 72_000, gathered: 128 },
  { dtype: "int8", dim: 100, strideBytes: 128, bytes: 128_000, gathered: 128 },
  { dtype: "int4", dim: 64, strideBytes: 40, bytes: 40_000, gathered: 96 },
  { dtype: "int2", dim: 64, strideBytes: 24, bytes: 24_000, gathered: 80 },
] as const)("$dtype rows of $dim are held in $bytes bytes and gathered in $gathered", ({ dtype, dim, strideBytes, bytes, gathered }) => {
  const plan = planOne({ dtype, dim, sharding: "table" }, 1);
  expect(plan.tables[0]).toMatchObject({ dtype, by: "table" });
  expect(plan.shards[0]).toMatchObject({ strideBytes, bytes });
  expect(plan.load[0].gatheredBytesPerSample).toBe(gathered);
});

describe("columns are cut", () => {
  const columns = (table: Partial<PlanTable>, ranks = 4): number[] => planOne(table, ranks).shards.map(({ columnCount }) => columnCount);

  it("at whole lines of codes while every shard gets one", () => {
    expect(columns({ dtype: "fp16", dim: 100, sharding: "column" })).toEqual([32, 32, 36]);
    expect(columns({ dtype: "int8", dim: 256, sharding: "column" })).toEqual([64, 64, 64, 64]);
    expect(columns({ dtype: "int4", dim: 300, sharding: { by: "column", shards: 2 } })).toEqual([128, 172]);
  });

  it("else at the vectors of kernels, else anywhere", () => {
    expect(columns({ dtype: "int8", dim: 64, sharding: "column" })).toEqual([16, 16, 16, 16]);
    expect(columns({ dtype: "int2", dim: 40, sharding: "column" })).toEqual([16, 16, 8]);
    expect(columns({ dtype: "int4", dim: 7, sharding: { by: "column", shards: 7 } })).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  it('by "auto" only where every shard gets a line: rows of int8 x 64 are cut by rows, of fp32 x 64 by columns', () => {
    expect(planOne({ dtype: "fp32", numRows: 10 ** 6 }, 2).tables[0].by).toBe("column");
    expect(planOne({ dtype: "int8", numRows: 10 ** 6 }, 2).tables[0].by).toBe("row");
    expect(planOne({ dtype: "int8", dim: 128, numRows: 10 ** 6 }, 2).tables[0].by).toBe("column");
  });
});

it("cuts no table into more bytes than there are: scales of every column shard count", () => {
  const tables = [{ name: "t", numRows: 10 ** 6, dim: 128, dtype: "int8" }] as const;
  const whole = 136 * 10 ** 6;
  // Two shards by columns take 2 x 72 bytes a row.
  expect(planTables(tables, { ranks: 2 }).shards.map(({ bytes }) => bytes)).toEqual([72 * 10 ** 6, 72 * 10 ** 6]);
  const tight = planTables(tables, { ranks: 2, totalMemoryBytes: whole });
  expect(tight.tables[0].by).not.toBe("column");
  expect(tight.shards.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(whole);
  expect(() => planTables(tables, { ranks: 2, totalMemoryBytes: whole - 1 })).toThrow(
    expect.objectContaining({ code: "EMBEDDING_MEMORY_LIMIT" }),
  );
});

it("refuses a dtype that there is not, naming the table", () => {
  expect(() => planOne({ dtype: "int3" as "int8" }, 1)).toThrow(
    /table "t": got dtype 'int3', expected "fp32" or "fp16" or "int8" or "int4" or "int2"/,
  );
});

it("is printed with the rows' format", () => {
  expect(String(planOne({ dtype: "int8" }, 1))).toContain("1000 x 64 int8");
});
