/** What each format loses: the bounds of docs/formats.md, over seeded rows of all sizes. */
import { describe, expect, it } from "@jest/globals";
import { dequantiseRows, quantiseRows, type RowDtype, rowBytes } from "#host/rows/rows.js";
import { type Random, seededRandom } from "../cases.js";

const SEED = 0xb0d5;
const ROWS = 3000;
const DIM = 37;
/** Roundings of fp32 on the way, as a part of the row's largest number. */
const ROUNDING = 2 ** -21;
const LARGEST_HALF = 65504;

/** A row: values of one size around a middle of another, sizes from 10^low to 10^high. */
function randomRow(random: Random, low: number, high: number): Float32Array {
  const size = (): number => 10 ** (low + (high - low) * random());
  const width = size();
  const middle = random() < 0.3 ? 0 : (random() - 0.5) * 2 * (random() < 0.5 ? width : size());
  return Float32Array.from({ length: DIM }, () => middle + (2 * random() - 1) * width);
}

interface Packed {
  values: Float32Array;
  back: Float32Array;
  min: number;
  max: number;
  /** The row's scale as it was packed; 0 for floats. */
  scale: number;
}

function roundTrip(dtype: RowDtype, values: Float32Array): Packed {
  const packed = new Uint8Array(rowBytes(dtype, values.length));
  const back = new Float32Array(values.length);
  quantiseRows(dtype, values, values.length, packed);
  dequantiseRows(dtype, packed, values.length, back);
  return { values, back, min: Math.min(...values), max: Math.max(...values), scale: scaleOf(dtype, packed) };
}

function scaleOf(dtype: RowDtype, packed: Uint8Array): number {
  const view = new DataView(packed.buffer);
  if (dtype === "int8") return view.getFloat32(packed.length - 8, true);
  if (dtype === "fp16") return 0;
  const half = new Float32Array(1);
  dequantiseRows("fp16", packed.subarray(packed.length - 4, packed.length - 2), 1, half);
  return half[0];
}

/** A half's error: half of its last place, or of a subnormal's. */
const halfError = (value: number): number => Math.max(2 ** -11 * Math.abs(value), 2 ** -25);

function bound(dtype: RowDtype, { min, max, scale }: Packed): number {
  const largest = Math.max(Math.abs(min), Math.abs(max));
  if (dtype === "int8") return scale / 2 + 1e-8 + ROUNDING * largest;
  const most = dtype === "int4" ? 15 : 3;
  return Math.abs(scale) / 2 + most * halfError(scale) + halfError(min) + ROUNDING * largest;
}

it("fp16 loses 2^-11 of a value, or 2^-25, below 65520", () => {
  const random = seededRandom(SEED);
  for (let n = 0; n < ROWS; n += 1) {
    const { values, back } = roundTrip("fp16", randomRow(random, -10, Math.log10(LARGEST_HALF / 4)));
    const worst = values.reduce((most, value, c) => Math.max(most, Math.abs(back[c] - value) / halfError(value)), 0);
    expect(worst).toBeLessThanOrEqual(1);
  }
});

describe.each([
  // Products of int4 and int2 scales have to stay below fp16's largest number: that is what makes rows NaN otherwise.
  { dtype: "int8" as const, low: -38, high: 37.9 },
  { dtype: "int4" as const, low: -12, high: 4 },
  { dtype: "int2" as const, low: -12, high: 4 },
])("$dtype", ({ dtype, low, high }) => {
  it("loses half a scale and what the docs add to it, whatever the sizes", () => {
    const random = seededRandom(SEED);
    let worst = 0;
    for (let n = 0; n < ROWS; n += 1) {
      const row = roundTrip(dtype, randomRow(random, low, high));
      const most = bound(dtype, row);
      for (const [c, value] of row.values.entries()) {
        const error = Math.abs(row.back[c] - value);
        if (!(error <= most))
          expect({ n, c, value, back: row.back[c], scale: row.scale, error }).toEqual({ n, c, error: `at most ${most}` });
        worst = Math.max(worst, error / most);
      }
    }
    // A bound that nothing comes near would say nothing.
    expect(worst).toBeGreaterThan(0.9);
  });

  it("keeps constant rows, but for the bias's rounding", () => {
    for (const value of [0, 1, -2.5, 1000, 0.125])
      expect([...roundTrip(dtype, new Float32Array(DIM).fill(value)).back]).toEqual(new Array(DIM).fill(value));
    const odd = Math.fround(1.0001);
    const { back } = roundTrip(dtype, new Float32Array(DIM).fill(odd));
    for (const value of back) expect(Math.abs(value - odd)).toBeLessThanOrEqual(dtype === "int8" ? 0 : halfError(odd));
  });

  it.each([
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["-infinity", Number.NEGATIVE_INFINITY],
  ])("a row with %s anywhere is NaN everywhere", (_, special) => {
    for (const place of [0, 5, DIM - 1]) {
      const values = Float32Array.from({ length: DIM }, (_, c) => c).fill(special, place, place + 1);
      expect([...roundTrip(dtype, values).back]).toEqual(new Array(DIM).fill(Number.NaN));
    }
  });

  it("a row whose values are too far apart for the scale is NaN", () => {
    const far = dtype === "int8" ? 3e38 : 1.1e6;
    const values = new Float32Array(DIM).fill(far).fill(-far, 0, 3);
    expect([...roundTrip(dtype, values).back]).toEqual(new Array(DIM).fill(Number.NaN));
  });
});
