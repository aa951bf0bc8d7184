import { describe, expect, it } from "@jest/globals";
import { type PlanTable, planTables } from "lagbag";
import { keyIndexBytes } from "#host/plan/key-index.js";

const GIB = 2 ** 30;

function keyed(more: Partial<PlanTable> = {}): PlanTable {
  return { name: "t", numRows: 1_000_000, dim: 64, keyed: true, ...more };
}

describe("a table with keys", () => {
  it("holds the default row behind its last row, on every rank that has the last row", () => {
    const shards = (sharding: PlanTable["sharding"]) => planTables([keyed({ sharding: sharding ?? "auto" })], { ranks: 4 }).shards;
    expect(shards("table").map(({ bytes }) => bytes)).toEqual([1_000_001 * 256]);
    expect(shards("column").map(({ bytes }) => bytes)).toEqual(new Array(4).fill(1_000_001 * 64));
    expect(shards("row").map(({ bytes }) => bytes)).toEqual([250_000 * 256, 250_000 * 256, 250_000 * 256, 250_001 * 256]);
    expect(shards("row").map(({ rowCount }) => rowCount)).toEqual(new Array(4).fill(250_000));
  });

  it.each([
    "table",
    "row",
    "column",
    { by: "row", shards: 8 },
    { by: "column", shards: 16 },
  ] as const)("has its index on every rank with a shard, once: %j", (sharding) => {
    const plan = planTables([keyed({ sharding })], { ranks: 4 });
    const index = keyIndexBytes(1_000_000);
    expect(plan.tables[0].keyIndexBytes).toBe(index);
    for (const { rank, tableBytes } of plan.load) {
      const own = plan.shards.filter((shard) => shard.rank === rank);
      expect(tableBytes).toBe(own.reduce((sum, { bytes }) => sum + bytes, own.length > 0 ? index : 0));
    }
  });

  it("gathers a line of the index for each lookup, on every rank", () => {
    const gathered = (sharding: PlanTable["sharding"]) =>
      planTables([keyed({ sharding: sharding ?? "auto", lookupsPerSample: 10 })], { ranks: 2 }).load.map(
        (load) => load.gatheredBytesPerSample,
      );
    expect(gathered("table").toSorted((a, b) => a - b)).toEqual([0, 10 * (256 + 64)]);
    expect(gathered("column")).toEqual([10 * (128 + 64), 10 * (128 + 64)]);
    expect(gathered("row")).toEqual([5 * 256 + 10 * 64, 5 * 256 + 10 * 64]);
  });

  it("is refused when rows fit and the index does not, with the bytes of both", () => {
    const bytes = 1_000_001 * 256 + keyIndexBytes(1_000_000);
    const plan = (rankMemoryBytes: number) => planTables([keyed({ sharding: "table" })], { ranks: 2, rankMemoryBytes });
    expect(
      plan(bytes)
        .load.map(({ tableBytes }) => tableBytes)
        .toSorted((a, b) => a - b),
    ).toEqual([0, bytes]);
    expect(() => plan(bytes - 1)).toThrow(
      expect.objectContaining({
        code: "EMBEDDING_PLAN",
        got: bytes,
        message: expect.stringMatching(/with row padding and the key index on one rank/),
      }),
    );
    expect(() => planTables([keyed()], { ranks: 2, totalMemoryBytes: bytes - 1 })).toThrow(
      expect.objectContaining({ code: "EMBEDDING_MEMORY_LIMIT", got: bytes, expected: bytes - 1 }),
    );
  });

  it("is cut by auto when it is hot or large, within the limits, index and all", () => {
    for (const dim of [1, 8, 16, 64, 300]) {
      for (const ranks of [1, 2, 3, 8]) {
        const tables = [
          keyed({ dim, lookupsPerSample: 50 }),
          keyed({ name: "cold", dim: 16, numRows: 1000 }),
          { name: "plain", numRows: 5000, dim: 8 },
        ];
        const rankMemoryBytes = 2 * GIB;
        const plan = planTables(tables, { ranks, rankMemoryBytes });
        for (const { tableBytes } of plan.load) expect(tableBytes).toBeLessThanOrEqual(rankMemoryBytes);
        if (ranks === 2 && dim >= 32) expect(plan.tables[0].by).toBe("column");
      }
    }
    const large = planTables([keyed({ numRows: 20_000_000, dim: 64 })], { ranks: 4, rankMemoryBytes: 2 * GIB });
    expect(large.tables[0].shards.length).toBeGreaterThan(1);
    for (const { tableBytes } of large.load) expect(tableBytes).toBeLessThanOrEqual(2 * GIB);
  });

  it("costs nothing where there are no keys", () => {
    const { name, numRows, dim } = keyed();
    expect(planTables([{ name, numRows, dim, keyed: false }], { ranks: 3 })).toEqual(planTables([{ name, numRows, dim }], { ranks: 3 }));
  });

  it("is told by true or false", () => {
    expect(() => planTables([keyed({ keyed: 1 as unknown as boolean })], { ranks: 1 })).toThrow(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(/got keyed 1, expected true or false/) }),
    );
  });
});

it("prints the bytes of the index with the table's", () => {
  const plan = planTables([keyed({ sharding: "column" })], { ranks: 2 });
  const mib = (2 * 1_000_001 * 128 + 2 * keyIndexBytes(1_000_000)) / 2 ** 20;
  expect(String(plan)).toContain(`${mib.toFixed(1)}`);
});
