import { describe, expect, it } from "@jest/globals";
import { halfOf, halfValues } from "#host/rows/half.js";
import { dequantiseRows, quantiseRows } from "#host/rows/rows.js";
import { withEngine } from "../engine/open.js";
import { loadQuantised } from "../golden/quantised.js";

const { halves, tables } = loadQuantised();
/** PyTorch may multiply scales with weights first and add in another order: a few roundings of fp32, of numbers as large as the largest that a bag adds. */
const TOLERANCE = 2 ** -20;

it("rounds floats to halves as PyTorch does", () => {
  expect(Array.from(halves.floats, halfOf)).toEqual([...halves.bits]);
});

describe.each(tables)("PyTorch's $dtype rows of $dim", (table) => {
  const { dtype, dim, rows, packed, unpacked, indices, offsets, weights } = table;
  const numRows = rows.length / dim;

  it("have the bytes that quantiseRows gives", () => {
    const out = new Uint8Array(packed.length);
    quantiseRows(dtype, rows, dim, out);
    for (let row = 0, bytes = packed.length / numRows; row < numRows; row += 1) {
      const range = [row * bytes, (row + 1) * bytes] as const;
      expect({ row, bytes: [...out.subarray(...range)] }).toEqual({ row, bytes: [...packed.subarray(...range)] });
    }
  });

  it("unpack to the floats that dequantiseRows gives, bit for bit", () => {
    const out = new Float32Array(rows.length);
    dequantiseRows(dtype, packed, dim, out);
    expect([...out]).toEqual([...unpacked]);
  });

  it("sum up to PyTorch's bags, within 2^-20 of the largest number that is added", async () => {
    const batch = { batchSize: offsets.length - 1, indices, offsets };
    const options = { tables: [{ name: "t", numRows, dim, dtype, packed: true as const, rows: packed }], ranks: 2 };
    const [sum, weighted] = await withEngine(options, (engine) =>
      [batch, { ...batch, weights }].map((one) => engine.lookupSync(one).values.slice()),
    );
    const largest = (bag: number, weight: (position: number) => number): number => {
      let most = 0;
      for (let position = offsets[bag]; position < offsets[bag + 1]; position += 1) {
        const row = unpacked.subarray(indices[position] * dim, (indices[position] + 1) * dim);
        for (const value of row) most = Math.max(most, Math.abs(weight(position) * value));
      }
      return most;
    };
    for (let n = 0; n < sum.length; n += 1) {
      const bag = Math.floor(n / dim);
      expect(Math.abs(sum[n] - table.sum[n])).toBeLessThanOrEqual(TOLERANCE * largest(bag, () => 1));
      expect(Math.abs(weighted[n] - table.weighted[n])).toBeLessThanOrEqual(TOLERANCE * largest(bag, (position) => weights[position]));
    }
  });
});

it("the table of halves holds what their bits say", () => {
  const values = halfValues();
  for (const half of [0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x8000, 0xc000]) expect(halfOf(values[half])).toBe(half);
  expect(values[0x3c00]).toBe(1);
  expect(values[0x7bff]).toBe(65504);
});
