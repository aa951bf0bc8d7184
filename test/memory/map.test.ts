import { describe, expect, it } from "@jest/globals";
import { layMemory, type MapInput, MEMORY_LIMIT_BYTES } from "#host/memory/map.js";
import { planTables, type Sharding } from "#host/plan/plan.js";

const GIB = 2 ** 30;

function input(more: Partial<MapInput> & { numRows?: number; dim?: number; sharding?: Sharding } = {}): MapInput {
  const { numRows = 1000, dim = 16, sharding = "table", ranks = 2, ...rest } = more;
  return {
    mode: "two",
    ranks,
    lagBound: 4,
    plan: planTables([{ name: "t", numRows, dim, sharding }], { ranks }),
    tables: [{ dim }],
    features: [{ table: 0, pooled: true }],
    exchangeMemoryBytes: 4 * GIB,
    stage: false,
    workStealing: false,
    ...rest,
  };
}

describe("limits", () => {
  it("two memories hold 4 GiB a rank, one memory 4 GiB in all, and the error has both numbers", () => {
    const large = { numRows: 2 ** 26, sharding: "row" as const };
    expect(() => layMemory(input({ ...large, mode: "one" }))).toThrow(
      expect.objectContaining({ code: "EMBEDDING_MEMORY_LIMIT", expected: MEMORY_LIMIT_BYTES, got: 4 * GIB + 65536 }),
    );
    expect(layMemory(input({ ...large, mode: "two" })).tablesBytes).toEqual([2 * GIB + 65536, 2 * GIB + 65536]);
    expect(() => layMemory(input({ ...large, sharding: "table", mode: "two" }))).toThrow(
      expect.objectContaining({
        code: "EMBEDDING_MEMORY_LIMIT",
        message: expect.stringMatching(/tables of rank 0: got 4295032832 bytes \(4.00 GiB\)/),
      }),
    );
  });

  it("one memory that tables fill leaves no room for requests, and says so", () => {
    expect(() => layMemory(input({ mode: "one", numRows: 2 ** 26 - 2048 }))).toThrow(
      expect.objectContaining({ code: "EMBEDDING_MEMORY_LIMIT", message: expect.stringMatching(/tables, windows and heap in one memory/) }),
    );
  });

  it("no pointer reaches the end of the address space", () => {
    const map = layMemory(input({ mode: "one", numRows: 2 ** 25 }));
    expect(map.heapPtr + map.heapBytes).toBeLessThan(2 ** 32);
  });
});

describe("windows", () => {
  it("are none without partial sums and without a stage", () => {
    expect(layMemory(input())).toMatchObject({ windowBytes: 0, stepSamples: 2 ** 31 - 1 });
  });

  it.each([
    0, 1, 2, 3, 6, 7, 16, 1022,
  ])("are a power of two of at least lagBound + 2 (lagBound %i), in a quarter of the exchange memory", (lagBound) => {
    const map = layMemory(input({ lagBound, sharding: "row", exchangeMemoryBytes: 256 * 2 ** 20 }));
    expect(Number.isInteger(Math.log2(map.windows))).toBe(true);
    expect(map.windows).toBeGreaterThanOrEqual(lagBound + 2);
    expect(map.windows * 2 * map.windowBytes).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(map.sliceSamples).toBeGreaterThan(0);
  });

  it("have a place of their own for the partial sums and counts of every shard", () => {
    const map = layMemory(input({ sharding: { by: "row", shards: 5 }, dim: 7, stage: true }));
    const parts = [...map.partials.values()].flatMap(([rows, counts]) => [
      { start: rows, end: rows + map.sliceSamples * 32 },
      { start: counts, end: counts + map.sliceSamples * 4 },
    ]);
    parts.push({ start: 0, end: map.sliceSamples * 7 * 4 });
    parts.sort((a, b) => a.start - b.start);
    parts.forEach((part, n) => {
      expect(part.end).toBeLessThanOrEqual(parts[n + 1]?.start ?? map.windowBytes);
    });
    expect(parts.length).toBe(11);
  });
});
