import { describe, expect, it } from "@jest/globals";
import type { Pooling } from "#host/options.js";
import { type ReferenceFeature, type ReferenceResult, referenceLookup } from "#host/reference.js";
import { flattenBags } from "./cases/random.js";
import { badCases, type Case, cornerCases } from "./cases.js";
import { loadGolden } from "./golden/golden.js";

/**
 * PyTorch 1.13's kernel for weighted sums fuses multiply and add, so it rounds once where the definition rounds twice.
 * Measured over the golden vectors: up to 2.5 * 2^-24 of the sum of absolute values. All else is equal to the bit.
 */
const WEIGHTED_TOLERANCE = 3 * 2 ** -24;
/** PyTorch's max forgets a NaN that is not in the bag's first row. */
const KNOWN_DIFFERENCE = "nan-later max";
const POOLED: readonly Pooling[] = ["sum", "mean", "max"];

/** Bags over one table, for one feature. */
interface SmallLookup extends Pick<ReferenceFeature, "pooling" | "paddingIndex" | "rowShardStarts"> {
  rows: readonly (readonly number[])[];
  bags: readonly (readonly number[])[];
  weights?: readonly number[];
}

const FEATURE = "f";

function lookUp({ rows, bags, weights, ...feature }: SmallLookup): ReferenceResult {
  const table = { numRows: rows.length, dim: rows[0].length, rows: Float32Array.from(rows.flat()) };
  const batch = { batchSize: bags.length, ...flattenBags(bags, false) };
  const weighted = weights === undefined ? batch : { ...batch, weights: Float32Array.from(weights) };
  return referenceLookup(new Map([["t", table]]), [{ name: FEATURE, table: "t", ...feature }], weighted);
}

const pool = (small: SmallLookup): number[] => [...lookUp(small).values];
const lookUpCase = ({ tables, features, batch }: Case): ReferenceResult => referenceLookup(tables, features, batch);
/** Rows for it.each, which prints the first column. */
const named = <T extends Case>(cases: T[]): [string, T][] => cases.map((each) => [each.name, each]);
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** Sums of absolute values: what the rounding of a sum is in proportion to. */
function magnitudes({ tables, features, batch }: Case): Float32Array {
  const positive = new Map([...tables].map(([name, table]) => [name, { ...table, rows: table.rows.map(Math.abs) }]));
  const weights = batch.weights === undefined ? {} : { weights: batch.weights.map(Math.abs) };
  return referenceLookup(positive, features, { ...batch, ...weights }).values;
}

describe("the reference and PyTorch's embedding_bag", () => {
  const { cases } = loadGolden();
  const unweighted = cases.filter(({ name, batch }) => batch.weights === undefined && name !== KNOWN_DIFFERENCE);
  const weighted = cases.filter(({ batch }) => batch.weights !== undefined);

  it.each(named(unweighted))("agree to the bit: %s", (_, golden) => {
    const result = lookUpCase(golden);
    expect(result.values).toEqual(golden.values);
    expect(result.jagged).toEqual(golden.jagged);
  });

  it.each(named(weighted))("agree but for the rounding of products: %s", (_, golden) => {
    const result = lookUpCase(golden);
    const limits = magnitudes(golden).map((magnitude) => WEIGHTED_TOLERANCE * magnitude);
    const beyond = result.values.filter((value, n) => !(Math.abs(value - golden.values[n]) <= limits[n]));
    expect(result.values).toHaveLength(golden.values.length);
    expect(beyond).toHaveLength(0);
    expect(result.jagged).toEqual(golden.jagged);
  });

  it("differ on purpose where a NaN is not in a bag's first row: here it is never lost from a max", () => {
    const [golden] = cases.filter(({ name }) => name === KNOWN_DIFFERENCE);
    expect([...golden.values].some(Number.isNaN)).toBe(false);
    const { values } = lookUpCase(golden);
    expect([...values].map((value, n) => (Number.isNaN(value) ? golden.values[n] : value))).toEqual([...golden.values]);
    expect([...values].filter(Number.isNaN)).toHaveLength(4);
  });
});

describe("the reference pools", () => {
  it.each(POOLED)("%s: a bag of one row is that row, bit for bit, with a NaN's payload and -0", (pooling) => {
    const rows = new Float32Array(3);
    bitsOf(rows).set([0x7fc0_1234, 0x8000_0000, 0x0000_0001]);
    const tables = new Map([["t", { numRows: 1, dim: 3, rows }]]);
    const batch = { batchSize: 1, ...flattenBags([[0]], false) };
    const { values } = referenceLookup(tables, [{ name: FEATURE, table: "t", pooling }], batch);
    expect(bitsOf(values)).toEqual(bitsOf(rows));
  });

  it.each(POOLED)("%s: bags that are empty or padding only are +0", (pooling) => {
    expect(pool({ rows: [[-1, 5]], bags: [[], [0, 0]], pooling, paddingIndex: 0 })).toEqual([0, 0, 0, 0]);
  });

  it("-0 survives sums and means of -0 only, and max knows that +0 is more", () => {
    const lookup = {
      rows: [[-0], [0]],
      bags: [
        [0, 0],
        [0, 1],
        [1, 0],
      ],
    };
    expect(pool({ ...lookup, pooling: "sum" })).toEqual([-0, 0, 0]);
    expect(pool({ ...lookup, pooling: "mean" })).toEqual([-0, 0, 0]);
    expect(pool({ ...lookup, pooling: "max" })).toEqual([-0, 0, 0]);
  });

  it("max with any NaN is NaN, wherever it stands", () => {
    const bags = [
      [0, 1, 2],
      [1, 0, 2],
      [1, 2, 0],
      [1, 2],
    ];
    expect(pool({ rows: [[NaN], [1], [2]], bags, pooling: "max" })).toEqual([NaN, NaN, NaN, 2]);
  });

  it("padding does not count: not in a sum, a max, nor in a mean's divisor; negative ones count from the end", () => {
    const rows = [[2], [4], [100]];
    const bags = [[0, 2, 1, 2]];
    for (const paddingIndex of [2, -1]) {
      expect(pool({ rows, bags, paddingIndex, pooling: "sum" })).toEqual([6]);
      expect(pool({ rows, bags, paddingIndex, pooling: "mean" })).toEqual([3]);
      expect(pool({ rows, bags, paddingIndex, pooling: "max" })).toEqual([4]);
    }
  });

  it("a weighted sum rounds each product and then each sum, in index order", () => {
    const up = 1 + 2 ** -23;
    const down = 1 - 2 ** -23;
    // up * down is 1 - 2^-46, which rounds to 1; a fused multiply-add would leave -2^-46.
    expect(pool({ rows: [[-1], [down]], bags: [[0, 1]], weights: [1, up], pooling: "sum" })).toEqual([0]);
    // 1e8 swallows 1 where they meet first.
    expect(
      pool({
        rows: [[1e8], [1]],
        bags: [
          [0, 1, 0],
          [0, 0, 1],
        ],
        weights: [1, 1, -1, 1, -1, 1],
        pooling: "sum",
      }),
    ).toEqual([0, 1]);
  });

  it("none gives the rows as they are, padding too, without weights, and no columns", () => {
    const lookup = {
      rows: [
        [1, 2],
        [3, -0],
      ],
      bags: [[1, 0], [], [1]],
      paddingIndex: 0,
      weights: [9, 9, 9],
    };
    const { values, columnOffsets, jagged } = lookUp({ ...lookup, pooling: "none" });
    expect(jagged.get(FEATURE)).toEqual({
      values: Float32Array.of(3, -0, 1, 2, 3, -0),
      offsets: Int32Array.of(0, 2, 2, 3),
    });
    expect(values).toHaveLength(0);
    expect(columnOffsets).toEqual([0]);
  });

  it("features stand side by side in the order in which they are picked; those with none take no column", () => {
    const tables = new Map([
      ["narrow", { numRows: 1, dim: 1, rows: Float32Array.of(1) }],
      ["wide", { numRows: 1, dim: 2, rows: Float32Array.of(2, 3) }],
    ]);
    const features: ReferenceFeature[] = [
      { name: "a", table: "wide", pooling: "sum" },
      { name: "b", table: "wide", pooling: "none" },
      { name: "c", table: "narrow", pooling: "sum" },
    ];
    const batch = { batchSize: 2, ...flattenBags([[0], [0, 0], [], [0], [0, 0, 0], []], false) };
    const { values, columnOffsets } = referenceLookup(tables, features, batch);
    expect([...values]).toEqual([2, 3, 3, 4, 6, 0]);
    expect(columnOffsets).toEqual([0, 2, 3]);
  });
});

describe("the reference over tables cut by rows", () => {
  it("pools every shard's rows by themselves and then adds in shard order", () => {
    const lookup: SmallLookup = { rows: [[1e8], [-1e8], [1]], bags: [[0, 2, 1]], pooling: "sum" };
    expect(pool(lookup)).toEqual([0]);
    expect(pool({ ...lookup, rowShardStarts: [0, 2] })).toEqual([1]);
    expect(pool({ ...lookup, rowShardStarts: [0, 1] })).toEqual([0]);
    expect(pool({ ...lookup, rowShardStarts: [0, 1, 2] })).toEqual([1]);
  });

  it("shards without counted rows add nothing, so -0 survives", () => {
    const lookup = {
      rows: [[7], [-0], [7]],
      bags: [[1], [1, 1], [0, 1, 1]],
      paddingIndex: 0,
      rowShardStarts: [0, 1, 2, 2],
    };
    for (const pooling of POOLED) expect(pool({ ...lookup, pooling })).toEqual([-0, -0, -0]);
  });

  it("a mean divides once, by the count of all shards", () => {
    expect(pool({ rows: [[1], [2], [6]], bags: [[0, 1, 2]], pooling: "mean", rowShardStarts: [0, 2] })).toEqual([3]);
  });

  it.each(named(cornerCases()))("max and none do not depend on the cut: %s", (_, corner) => {
    const cut = corner.features.map((feature) =>
      feature.pooling === "max" || feature.pooling === "none" ? { ...feature, rowShardStarts: [0, 1, 1, 20] } : feature,
    );
    expect(lookUpCase({ ...corner, features: cut })).toEqual(lookUpCase(corner));
  });
});

describe("the reference refuses", () => {
  it.each(named(badCases()))("%s", (_, bad) => {
    expect(() => lookUpCase(bad)).toThrow(expect.objectContaining({ code: bad.code, ...bad.place }));
  });

  it("a batch whose offsets are not features * batchSize + 1", () => {
    const [{ tables, features, batch }] = cornerCases();
    const short = { ...batch, offsets: batch.offsets.subarray(1) };
    const details = { got: batch.offsets.length - 1, expected: batch.offsets.length };
    expect(() => referenceLookup(tables, features, short)).toThrow(expect.objectContaining({ code: "EMBEDDING_BATCH", ...details }));
  });

  it("a feature whose table is not there", () => {
    const [{ features, batch }] = cornerCases();
    expect(() => referenceLookup(new Map(), features, batch)).toThrow(
      expect.objectContaining({ code: "EMBEDDING_FEATURE_UNKNOWN", feature: features[0].name }),
    );
  });
});

describe("the case matrix", () => {
  it("is the same on every run, and no two cases have one name", () => {
    expect(cornerCases()).toEqual(cornerCases());
    expect(badCases()).toEqual(badCases());
    const names = [...cornerCases(), ...badCases()].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
