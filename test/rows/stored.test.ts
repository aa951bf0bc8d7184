import { describe, expect, it } from "@jest/globals";
import { gatheredBytes, quantiseRows, ROW_DTYPES, type RowDtype, rowBytes, scalesPlace, storedBytes, storedRow } from "#host/rows/rows.js";

it.each<[RowDtype, number, number]>([
  ["fp32", 3, 12],
  ["fp16", 3, 6],
  ["int8", 3, 11],
  ["int4", 3, 6],
  ["int4", 64, 36],
  ["int2", 3, 5],
  ["int2", 5, 6],
])("a packed %s row of %i values has %i bytes", (dtype, dim, bytes) => {
  expect(rowBytes(dtype, dim)).toBe(bytes);
});

describe("a held row", () => {
  it.each<[RowDtype, number, number, string, number]>([
    // dtype, columns, stride, scales, bytes a row
    ["fp32", 1, 16, "none", 16],
    ["fp32", 4, 16, "none", 16],
    ["fp32", 5, 32, "none", 32],
    ["fp32", 8, 32, "none", 32],
    ["fp32", 9, 64, "none", 64],
    ["fp32", 16, 64, "none", 64],
    ["fp32", 17, 128, "none", 128],
    ["fp32", 100, 448, "none", 448],
    ["fp32", 65536, 262144, "none", 262144],
    ["fp16", 8, 16, "none", 16],
    ["fp16", 64, 128, "none", 128],
    ["int8", 1, 16, "inside", 16],
    ["int8", 16, 24, "inside", 24],
    ["int8", 56, 64, "inside", 64],
    ["int8", 57, 64, "apart", 72],
    ["int8", 64, 64, "apart", 72],
    ["int8", 100, 128, "inside", 128],
    ["int8", 128, 128, "apart", 136],
    ["int4", 64, 40, "inside", 40],
    ["int4", 128, 64, "apart", 72],
    ["int2", 64, 24, "inside", 24],
    ["int2", 256, 64, "apart", 72],
  ])("of %s x %i has stride %i, scale and bias %s, %i bytes in all", (dtype, columns, strideBytes, scales, bytes) => {
    const row = storedRow(dtype, columns);
    expect(row).toEqual({ dtype, columns, strideBytes, scales });
    expect(storedBytes(row, 10)).toBe(10 * bytes);
  });

  it.each(ROW_DTYPES)("of %s has room for its codes, and for the vectors that kernels load", (dtype) => {
    const bits = { fp32: 32, fp16: 16, int8: 8, int4: 4, int2: 2 }[dtype];
    // fp32 and fp16 load whole vectors; codes load 16 at a time.
    const vector = { fp32: 4, fp16: 8, int8: 16, int4: 16, int2: 16 }[dtype];
    for (let columns = 1; columns < 700; columns += 1) {
      const row = storedRow(dtype, columns);
      const codes = Math.ceil((columns * bits) / 8);
      expect(row.strideBytes).toBeGreaterThanOrEqual(codes + (row.scales === "inside" ? 8 : 0));
      expect(row.strideBytes).toBeGreaterThanOrEqual((Math.ceil(columns / vector) * vector * bits) / 8);
      expect(row.strideBytes % 8).toBe(0);
    }
  });

  it("has its scale at its end, or behind all rows", () => {
    expect(scalesPlace(storedRow("fp16", 7), 100)).toEqual({ offsetBytes: 0, strideBytes: 0 });
    expect(scalesPlace(storedRow("int8", 16), 240)).toEqual({ offsetBytes: 16, strideBytes: 24 });
    const apart = storedRow("int8", 64);
    expect(scalesPlace(apart, storedBytes(apart, 5))).toEqual({ offsetBytes: 5 * 64, strideBytes: 8 });
  });

  it("moves whole lines, half of them twice where rows straddle, and a line for a scale apart", () => {
    expect(gatheredBytes(storedRow("fp32", 3))).toBe(64);
    expect(gatheredBytes(storedRow("fp32", 64))).toBe(256);
    expect(gatheredBytes(storedRow("int4", 64))).toBe(40 + 56);
    expect(gatheredBytes(storedRow("int8", 8))).toBe(64);
    expect(gatheredBytes(storedRow("int8", 64))).toBe(128);
    expect(gatheredBytes(storedRow("int8", 100))).toBe(128);
    expect(gatheredBytes(storedRow("int8", 128))).toBe(192);
  });
});

it("rows that do not fit the bytes are refused with both numbers", () => {
  expect(() => quantiseRows("int8", new Float32Array(12), 4, new Uint8Array(35))).toThrow(
    expect.objectContaining({
      code: "EMBEDDING_OPTIONS",
      got: 35,
      message: "quantiseRows: bytes: got 35, expected 36: 3 rows of int8 x 4",
    }),
  );
  expect(() => quantiseRows("int8", new Float32Array(13), 4, new Uint8Array(36))).toThrow(/values: got 13, expected whole rows of 4/);
  expect(() => quantiseRows("int3" as RowDtype, new Float32Array(12), 4, new Uint8Array(36))).toThrow(
    /dtype: got int3, expected one of fp32/,
  );
});
