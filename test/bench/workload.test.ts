import { describe, expect, it } from "@jest/globals";
import { expectedValues } from "#bench/workloads/check.js";
import { metaTrace, PUBLIC_SHAPES } from "#bench/workloads/public-shapes.js";
import { type FullShape, scaleToFit, tableBytes } from "#bench/workloads/scale.js";
import { makeWorkload, materialise, type WorkloadShape, warmWorkload } from "#bench/workloads/workload.js";

const MIXED: WorkloadShape = {
  name: "mixed",
  title: "",
  tables: [
    { numRows: 40, dim: 8 },
    { numRows: 9, dim: 4, bagSize: 3 },
    { numRows: 25, dim: 16, bagSize: 1 },
  ],
  batchSize: 6,
  bagSize: 2,
  batchCount: 3,
};

describe("makeWorkload", () => {
  const workload = makeWorkload(MIXED, 4);

  it("gives every table's bags their own size", () => {
    expect(workload.bagSizes).toEqual([2, 3, 1]);
    const [{ offsets }] = workload.batches;
    const sizes = Array.from(offsets.subarray(1), (offset, bag) => offset - offsets[bag]);
    expect(sizes).toEqual([...Array(6).fill(2), ...Array(6).fill(3), ...Array(6).fill(1)]);
    expect(workload.rowsPerBatch).toBe(36);
    expect(workload.bytesPerBatch).toBe(6 * (2 * 8 + 3 * 4 + 1 * 16) * 4);
  });

  it("keeps indices within their tables, and is the same for the same seed only", () => {
    for (const { indices, offsets } of workload.batches) {
      for (const [table, { numRows }] of MIXED.tables.entries()) {
        const own = indices.subarray(offsets[table * 6], offsets[(table + 1) * 6]);
        expect(Math.max(...own)).toBeLessThan(numRows);
      }
    }
    expect(makeWorkload(MIXED, 4).batches).toEqual(workload.batches);
    expect(makeWorkload(MIXED, 5).batches).not.toEqual(workload.batches);
  });
});

describe("warmWorkload", () => {
  const workload = makeWorkload(MIXED, 4);
  const rows = workload.seededTables.map(materialise);

  it("is the first samples of the first batch, as many as the bytes allow", () => {
    const warm = warmWorkload(workload, (workload.bytesPerBatch / 6) * 2.5);
    expect(warm.batchSize).toBe(2);
    expect(warm.bytesPerBatch).toBe((workload.bytesPerBatch / 6) * 2);
    const columns = 8 + 4 + 16;
    const [whole] = [...expectedValues(workload, rows, 1).values()];
    const [part] = [...expectedValues(warm, rows, 1).values()];
    expect(part).toEqual(whole.subarray(0, 2 * columns));
  });

  it("has one sample where even that is larger", () => {
    expect(warmWorkload(workload, 1).batchSize).toBe(1);
  });
});

describe("public shapes", () => {
  const GIB = 2 ** 30;

  it("have the sizes that they were published with", () => {
    expect(tableBytes(PUBLIC_SHAPES.criteo.tables) / GIB).toBeCloseTo(2.01, 2);
    expect(tableBytes(PUBLIC_SHAPES.dlrmv2.tables) / GIB).toBeCloseTo(97.4, 1);
    expect(PUBLIC_SHAPES.dlrmv2.tables.reduce((sum, { bagSize }) => sum + bagSize, 0)).toBe(214);
  });

  it.each([...Object.values(PUBLIC_SHAPES), metaTrace(1)] as FullShape[])("$name: scales to fit, and says so", (full) => {
    const small = scaleToFit(full, 32e6);
    expect(tableBytes(small.tables)).toBeLessThanOrEqual(32e6);
    expect(small.tables.every(({ numRows }) => numRows >= 1)).toBe(true);
    expect(small.title).toMatch(/rows divided by \d+: [\d,]+ rows, 0\.0\d GiB of fp32$/);
    expect(scaleToFit(full, 1e12).title).toContain("full size");
  });

  it("keep the traces' mean pooling, for every seed in another order", () => {
    const poolings = (seed: number): (number | undefined)[] => metaTrace(seed).tables.map(({ bagSize }) => bagSize);
    const mean = poolings(1).reduce<number>((sum, size) => sum + (size ?? 0), 0) / poolings(1).length;
    expect(Math.abs(mean - 13.6)).toBeLessThan(0.7);
    expect(poolings(1)).not.toEqual(poolings(2));
    expect(poolings(1).toSorted()).toEqual(poolings(2).toSorted());
  });
});
