import { describe, expect, it } from "@jest/globals";
import { EmbeddingError } from "#host/errors.js";
import { type PlanOptions, type PlanTable, planTables } from "#host/plan/plan.js";
import { equalTables } from "./tables.js";

const ROW_BYTES = 256;
const good: PlanTable = { name: "good", numRows: 10, dim: 64 };

/** What the call throws. Takes anything: JavaScript callers have no types. */
function refusal(tables: unknown, options: unknown = { ranks: 2 }): EmbeddingError {
  try {
    planTables(tables as PlanTable[], options as PlanOptions);
  } catch (error) {
    if (error instanceof EmbeddingError) return error;
    throw error;
  }
  throw new Error("got a plan, expected an EmbeddingError");
}

describe("planTables refuses, with EMBEDDING_OPTIONS and what it got,", () => {
  it.each([0, 65, 1.5, -1, NaN, "2", undefined, null])("ranks %p", (ranks) => {
    const error = refusal([good], { ranks });
    expect(error).toMatchObject({ code: "EMBEDDING_OPTIONS", got: ranks, expected: "an integer from 1 to 64" });
    expect(error.message).toMatch(/ranks .*expected an integer from 1 to 64/);
  });

  it.each([0, -1, NaN, "1"])("memory limits of %p", (bytes) => {
    for (const option of ["rankMemoryBytes", "totalMemoryBytes"]) {
      const error = refusal([good], { ranks: 2, [option]: bytes });
      expect(error).toMatchObject({ code: "EMBEDDING_OPTIONS", got: bytes });
      expect(error.message).toContain(option);
    }
  });

  it.each<[string, unknown[]]>([
    ["numRows", [0, 2 ** 31, 1.5, NaN, "10", undefined]],
    ["dim", [0, 65537, 0.5, -4, null, undefined]],
    ["lookupsPerSample", [-1, NaN, Infinity, "1", null]],
    ["sharding", ["rows", "", 3, null, [], {}, { by: "auto" }, { shards: 2 }]],
  ])("a bad %s, naming the table", (option, values) => {
    for (const value of values) {
      const error = refusal([good, { name: "bad one", numRows: 10, dim: 64, [option]: value }]);
      expect(error).toMatchObject({ code: "EMBEDDING_OPTIONS", table: "bad one", got: value });
      expect(error.message).toMatch(new RegExp(`"bad one".*${option}.*expected`));
    }
  });

  it.each<[string, number]>([
    ["table", 2],
    ["row", 11],
    ["row", 0],
    ["column", 65],
    ["column", 1.5],
    ["row", NaN],
  ])("sharding by %s with %d shards of a table of 10 x 64", (by, shards) => {
    const error = refusal([{ ...good, sharding: { by, shards } }]);
    expect(error).toMatchObject({ code: "EMBEDDING_OPTIONS", table: "good", got: shards });
    expect(error.message).toContain(by);
  });

  it("more than 1024 shards", () => {
    const sharding = { by: "row", shards: 1025 };
    expect(refusal([{ ...good, numRows: 5000, sharding }])).toMatchObject({ expected: "an integer from 1 to 1024" });
  });

  it("names that are empty, no strings, or taken", () => {
    expect(refusal([{ ...good, name: "" }])).toMatchObject({ code: "EMBEDDING_OPTIONS", got: "" });
    expect(refusal([{ ...good, name: 7 }])).toMatchObject({ code: "EMBEDDING_OPTIONS", got: 7 });
    expect(refusal([good, good])).toMatchObject({ code: "EMBEDDING_OPTIONS", got: "good", table: "good" });
  });

  it("what is no list of tables, and no options", () => {
    const withHole = Object.assign([good], { length: 2 });
    for (const tables of [undefined, null, {}, [null], withHole, ["good"]]) {
      expect(refusal(tables).code).toBe("EMBEDDING_OPTIONS");
    }
    for (const options of [null, 2, {}]) expect(refusal([good], options).code).toBe("EMBEDDING_OPTIONS");
  });
});

describe("planTables refuses tables that do not fit", () => {
  const threeTables = equalTables(3, { numRows: 6000, dim: 64 });

  it("into totalMemoryBytes, with needed bytes and limit", () => {
    const totalMemoryBytes = 17_000 * ROW_BYTES;
    const error = refusal(threeTables, { ranks: 2, totalMemoryBytes });
    expect(error).toMatchObject({ code: "EMBEDDING_MEMORY_LIMIT", got: 18_000 * ROW_BYTES, expected: totalMemoryBytes });
    expect(error.message).toMatch(/need 4608000 bytes .* totalMemoryBytes = 4352000 bytes/);
  });

  it("into all ranks together, with needed bytes, ranks and their limit", () => {
    const rankMemoryBytes = 8_000 * ROW_BYTES;
    const error = refusal(threeTables, { ranks: 2, rankMemoryBytes });
    expect(error).toMatchObject({ code: "EMBEDDING_MEMORY_LIMIT", got: 18_000 * ROW_BYTES, expected: 2 * rankMemoryBytes });
    expect(error.message).toMatch(/need 4608000 bytes .* 2 ranks x rankMemoryBytes = 2 x 2048000 = 4096000 bytes/);
  });

  it("counting row padding", () => {
    const padded = [{ name: "padded", numRows: 1000, dim: 17 }];
    expect(refusal(padded, { ranks: 1, totalMemoryBytes: 1000 * 17 * 4 })).toMatchObject({ got: 1000 * 128 });
    expect(planTables(padded, { ranks: 1, totalMemoryBytes: 1000 * 128 }).load[0].tableBytes).toBe(1000 * 128);
  });

  it("because a whole table is larger than a rank, and says what cuts it", () => {
    const whole: PlanTable = { name: "whole", numRows: 6000, dim: 64, sharding: "table" };
    const error = refusal([good, whole], { ranks: 2, rankMemoryBytes: 5000 * ROW_BYTES });
    expect(error).toMatchObject({ code: "EMBEDDING_PLAN", table: "whole", got: 6000 * ROW_BYTES, expected: 5000 * ROW_BYTES });
    expect(error.message).toContain('"row", "column" or "auto"');
  });

  it("because the shards asked for are larger than a rank, and says what cuts finer", () => {
    const halves: PlanTable = { name: "halves", numRows: 6000, dim: 64, sharding: { by: "row", shards: 2 } };
    const error = refusal([halves], { ranks: 4, rankMemoryBytes: 2000 * ROW_BYTES });
    expect(error).toMatchObject({ code: "EMBEDDING_PLAN", table: "halves", got: 3000 * ROW_BYTES });
    expect(error.message).toContain('more shards or sharding "auto"');
  });

  it("because whole tables leave room on no single rank, with all the numbers", () => {
    const whole = threeTables.map((table) => ({ ...table, sharding: "table" as const }));
    const error = refusal(whole, { ranks: 2, rankMemoryBytes: 10_000 * ROW_BYTES });
    expect(error).toMatchObject({ code: "EMBEDDING_PLAN", table: "t2", got: 6000 * ROW_BYTES, expected: 10_000 * ROW_BYTES });
    expect(error.message).toMatch(/"t2".* 1536000 bytes .*need 4608000 bytes .*2 ranks .* 2 x 2560000 = 5120000 bytes/);
  });

  it("because fixed tables leave too little, and says so of the table that is not fixed", () => {
    const fixed = equalTables(2, { numRows: 6000, dim: 64, sharding: "table" });
    const free: PlanTable = { name: "free", numRows: 1, dim: 16 };
    const halfOfFree = 32;
    const error = refusal([...fixed, free], { ranks: 2, rankMemoryBytes: 6000 * ROW_BYTES + halfOfFree });
    expect(error).toMatchObject({ code: "EMBEDDING_PLAN", table: "free", got: 2 * halfOfFree });
    expect(error.message).toContain('"auto" on more tables');
  });
});
