import { describe, expect, it } from "@jest/globals";
import { plainVariants } from "#bench/plain/best.js";
import { makePlainJob } from "#bench/plain/lookup.js";
import { expectedValues, firstDifference } from "#bench/workloads/check.js";
import { makeWorkload, materialise, type WorkloadShape } from "#bench/workloads/workload.js";

const SEED = 11;
const BAGS: WorkloadShape = {
  name: "bags",
  title: "",
  tables: [
    { numRows: 500, dim: 64 },
    { numRows: 20, dim: 64 },
  ],
  batchSize: 9,
  bagSize: 5,
  batchCount: 3,
};
const SINGLE_ROWS: WorkloadShape = {
  name: "rows",
  title: "",
  tables: Array.from({ length: 5 }, (_, n) => ({ numRows: 10 ** n, dim: 16 })),
  batchSize: 70,
  bagSize: 1,
  batchCount: 3,
};
const LONG_ROWS: WorkloadShape = {
  name: "rows of 8 and of 2 lines",
  title: "",
  tables: [
    { numRows: 90, dim: 128 },
    { numRows: 40, dim: 32 },
  ],
  batchSize: 6,
  bagSize: 4,
  batchCount: 2,
};
const ODD_DIM: WorkloadShape = { name: "odd", title: "", tables: [{ numRows: 30, dim: 7 }], batchSize: 4, bagSize: 3, batchCount: 2 };

describe.each([BAGS, SINGLE_ROWS, LONG_ROWS, ODD_DIM])("plain loops over $name", (shape) => {
  const workload = makeWorkload(shape, SEED);
  const rows = workload.seededTables.map(materialise);
  const expected = expectedValues(workload, rows, shape.batchCount);
  const variants = plainVariants({ dims: shape.tables.map(({ dim }) => dim), bagSize: shape.bagSize });
  const tolerance = shape.bagSize ** 2 * 2 ** -24;

  it.each(variants)("$name: is the reference's values, as near as doubles allow", ({ lookup }) => {
    const job = makePlainJob(
      shape.tables.map(({ dim }, index) => ({ dim, rows: rows[index] })),
      shape.batchSize,
    );
    for (const [batch, values] of expected) {
      lookup(job, batch);
      expect(firstDifference(job.out, values, tolerance)).toBeUndefined();
    }
  });
});

describe("plainVariants", () => {
  it("has the simple loops for everything", () => {
    expect(plainVariants({ dims: [7, 3], bagSize: 4 }).map(({ name }) => name)).toEqual(["simple nested loops"]);
  });

  it("copies rows only where bags have exactly one", () => {
    const names = (bagSize: number): string[] => plainVariants({ dims: [16], bagSize }).map(({ name }) => name);
    expect(names(1).some((name) => name.startsWith("copies"))).toBe(true);
    expect(names(2).some((name) => name.startsWith("copies"))).toBe(false);
  });
});

describe("firstDifference", () => {
  it("tells -0 from 0 when bits are asked for, and names the value", () => {
    expect(firstDifference(Float32Array.of(1, -0), Float32Array.of(1, 0), 0)).toBe("value 1: got -0, expected 0, bit for bit");
    expect(firstDifference(Float32Array.of(1, -0), Float32Array.of(1, 0), 1e-6)).toBeUndefined();
  });

  it("refuses NaN and another number of values, whatever the tolerance", () => {
    expect(firstDifference(Float32Array.of(Number.NaN), Float32Array.of(0), 1)).toBe("value 0: got NaN, expected 0 within 1");
    expect(firstDifference(new Float32Array(2), new Float32Array(3), 1)).toBe("got 2 values, expected 3");
  });
});
