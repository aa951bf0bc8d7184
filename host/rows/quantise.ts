import { codeBytes, isQuantised, type QuantisedDtype, type RowDtype, rowBytes, valueBits } from "./dtype.js";
import { halfOf, halfOfBits, halfValues } from "./half.js";
import { checkWhole } from "./whole.js";

/** FBGEMM adds it to an int8 row's range, so that a constant row divides by something. */
const EPSILON = Math.fround(1e-8);
/** Added to a number below 2^51 it leaves no bits for a fraction: the sum is rounded to the nearest integer, ties to even. */
const TO_INTEGER = 1.5 * 2 ** 52;
const HALF_ONE = 0x3c00;

/** The smallest and the largest value of a row, both NaN where any value is. */
interface Range {
  min: number;
  max: number;
}

/**
 * Packs whole rows of floats, row-major, each `dim` long, into rowBytes(dtype, dim) bytes a row, as FBGEMM does (its Float*To*Rowwise
 * functions, torch's embedding_bag_*_prepack); little-endian. All arithmetic is fp32, q is rounded to the nearest integer, ties to even:
 *
 *     int8        min, max = of the row; range = max - min; scale = range / 255; bias = min
 *                 q = round((x - min) * (255 / (range + 1e-8)))
 *     int4, int2  bias = fp16(min); range = max - bias; scale = fp16(range == 0 ? 1 : range / (2^bits - 1)), or 1 where that is 0
 *                 q = round((x - bias) * (1 / scale)), at least 0, at most 2^bits - 1
 *     fp16        the nearest half, ties to even; from 65520 on infinity
 *     fp32        as it is
 *
 * A NaN, an infinity, or values that are too far apart for the scale make the quantised row NaN as a whole.
 * @throws EmbeddingError EMBEDDING_OPTIONS when `floats` is no whole number of rows, or `out` not as long as its rows
 */
export function quantiseRows(dtype: RowDtype, floats: Float32Array, dim: number, out: Uint8Array): void {
  const count = checkWhole("quantiseRows", { dtype, dim, floats, packed: out });
  if (dtype === "fp32") out.set(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength));
  else if (dtype === "fp16") packHalves(floats, out);
  else if (isQuantised(dtype)) {
    const pack = dtype === "int8" ? packBytes : packBits;
    const bytes = rowBytes(dtype, dim);
    for (let row = 0; row < count; row += 1) {
      const values = floats.subarray(row * dim, (row + 1) * dim);
      pack(values, out.subarray(row * bytes, (row + 1) * bytes), dtype);
    }
  }
}

function packHalves(floats: Float32Array, out: Uint8Array): void {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let n = 0; n < bits.length; n += 1) {
    const half = halfOfBits(bits[n]);
    out[2 * n] = half;
    out[2 * n + 1] = half >>> 8;
  }
}

/** Of equal values the first counts, as in C++: it decides whether a zero has a sign. */
function rangeOf(values: Float32Array): Range {
  let min = values[0];
  let max = min;
  let isNaNRow = false;
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n];
    if (value < min) min = value;
    if (value > max) max = value;
    // biome-ignore lint/suspicious/noSelfCompare: a NaN is the one value that is not itself, and this loop is hot
    isNaNRow ||= value !== value;
  }
  return isNaNRow ? { min: Number.NaN, max: Number.NaN } : { min, max };
}

function packBytes(values: Float32Array, out: Uint8Array): void {
  const { min, max } = rangeOf(values);
  const range = Math.fround(max - min);
  const inverse = Math.fround(255 / Math.fround(range + EPSILON));
  for (let n = 0; n < values.length; n += 1) {
    // NaN becomes code 0: scale or bias are no numbers then.
    out[n] = Math.fround(Math.fround(values[n] - min) * inverse) + TO_INTEGER - TO_INTEGER;
  }
  const tail = new DataView(out.buffer, out.byteOffset + values.length);
  tail.setFloat32(0, range / 255, true);
  tail.setFloat32(4, min, true);
}

function packBits(values: Float32Array, out: Uint8Array, dtype: QuantisedDtype): void {
  const bits = valueBits(dtype);
  const perByte = 8 / bits;
  const most = 2 ** bits - 1;
  const halves = halfValues();
  const { min, max } = rangeOf(values);
  const biasHalf = halfOf(min);
  const bias = halves[biasHalf];
  const range = Math.fround(max - bias);
  const nearest = halfOf(range === 0 ? 1 : range / most);
  const scaleHalf = halves[nearest] === 0 ? HALF_ONE : nearest;
  const inverse = Math.fround(1 / halves[scaleHalf]);
  const codes = codeBytes(dtype, values.length);
  out.fill(0, 0, codes);
  for (let n = 0; n < values.length; n += 1) {
    const code = Math.fround(Math.fround(values[n] - bias) * inverse) + TO_INTEGER - TO_INTEGER;
    // Not Math.min and max: a NaN becomes code 0.
    out[Math.floor(n / perByte)] |= (code > most ? most : code > 0 ? code : 0) << ((n % perByte) * bits);
  }
  const tail = new DataView(out.buffer, out.byteOffset + codes);
  tail.setUint16(0, scaleHalf, true);
  tail.setUint16(2, biasHalf, true);
}
