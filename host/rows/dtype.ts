/**
 * How a row is held. "fp32" and "fp16": floats. "int8", "int4", "int2": codes of so many bits, with a scale and a bias for each row
 * (FBGEMM's "rowwise fused" rows); docs/formats.md draws them byte by byte and states what each loses.
 */
export type RowDtype = "fp32" | "fp16" | "int8" | "int4" | "int2";

/** All row formats, from wide to narrow. */
export const ROW_DTYPES: readonly RowDtype[] = ["fp32", "fp16", "int8", "int4", "int2"];

/** The formats whose values are codes that a scale and a bias of the row turn into floats. */
export type QuantisedDtype = "int8" | "int4" | "int2";

const BITS: Readonly<Record<RowDtype, number>> = { fp32: 32, fp16: 16, int8: 8, int4: 4, int2: 2 };

/** Bytes of scale and bias behind the codes: two fp32, two fp16, or nothing. */
const TAIL_BYTES: Readonly<Record<RowDtype, number>> = { fp32: 0, fp16: 0, int8: 8, int4: 4, int2: 4 };

/** Bits of one value of a row. */
export function valueBits(dtype: RowDtype): number {
  return BITS[dtype];
}

/** Whole values in so many bytes. */
export function valuesIn(dtype: RowDtype, bytes: number): number {
  return Math.floor((bytes * 8) / BITS[dtype]);
}

/** Bytes of the values of a row, scale and bias not counted; the last byte may be used in part. */
export function codeBytes(dtype: RowDtype, dim: number): number {
  return Math.ceil((dim * BITS[dtype]) / 8);
}

/** Bytes of one packed row of `dim` values: fp32 4 dim, fp16 2 dim, int8 dim + 8, int4 ceil(dim / 2) + 4, int2 ceil(dim / 4) + 4. */
export function rowBytes(dtype: RowDtype, dim: number): number {
  return codeBytes(dtype, dim) + TAIL_BYTES[dtype];
}

export function isQuantised(dtype: RowDtype): dtype is QuantisedDtype {
  return TAIL_BYTES[dtype] > 0;
}
