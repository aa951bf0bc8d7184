import { codeBytes, isQuantised, type RowDtype } from "./dtype.js";

export const CACHE_LINE_BYTES = 64;

/** Strides of float rows shorter than a cache line: each divides the line, so that no row straddles two. */
const SHORT_STRIDES_BYTES = [16, 32] as const;
/** Scale and bias as the engine holds them, both fp32 whatever the packed row has: no lookup converts them. */
export const SCALE_BYTES = 8;

/**
 * How a shard holds its rows, of `columns` values each:
 *
 * ```
 *   scales       a row, strideBytes from one to the next                 after all rows
 *   "none"       | values | padding |
 *   "inside"     | codes  | padding | scale, bias |
 *   "apart"      | codes  | padding |                                    | scale, bias of row 0 | of row 1 | ...
 * ```
 */
export interface StoredRow {
  dtype: RowDtype;
  columns: number;
  strideBytes: number;
  scales: "none" | "inside" | "apart";
}

/**
 * The layout for rows of `columns` values, chosen so that a lookup touches as few cache lines as it can (docs/decisions/0007):
 * - float rows: strides of 16, 32, or whole lines, as below;
 * - codes whose scale and bias fit into the same line: the two inside, strides of whole 8 bytes within a line, whole lines from there on;
 * - codes that fill their lines: scale and bias apart, lest each row touch a line more for 8 bytes.
 *
 * ```
 *   bytes of floats   1 ... 16   17 ... 32   33 ... 64   65 ... 128   ...
 *   stride               16         32          64          128       next multiple of 64
 * ```
 */
export function storedRow(dtype: RowDtype, columns: number): StoredRow {
  const codes = codeBytes(dtype, columns);
  if (!isQuantised(dtype)) return { dtype, columns, strideBytes: floatStride(codes), scales: "none" };
  const inside = codes + SCALE_BYTES;
  if (inside <= CACHE_LINE_BYTES) return { dtype, columns, strideBytes: roundUp(inside, SCALE_BYTES), scales: "inside" };
  const strideBytes = roundUp(codes, CACHE_LINE_BYTES);
  return { dtype, columns, strideBytes, scales: inside <= strideBytes ? "inside" : "apart" };
}

function floatStride(bytes: number): number {
  return SHORT_STRIDES_BYTES.find((stride) => bytes <= stride) ?? roundUp(bytes, CACHE_LINE_BYTES);
}

function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** Bytes of `rowCount` such rows. */
export function storedBytes({ strideBytes, scales }: StoredRow, rowCount: number): number {
  return rowCount * (strideBytes + (scales === "apart" ? SCALE_BYTES : 0));
}

/** Where the scale and bias of a shard's first row are, from the shard's start on, and how far apart from one row to the next. */
export function scalesPlace({ strideBytes, scales }: StoredRow, shardBytes: number): { offsetBytes: number; strideBytes: number } {
  if (scales === "none") return { offsetBytes: 0, strideBytes: 0 };
  if (scales === "inside") return { offsetBytes: strideBytes - SCALE_BYTES, strideBytes };
  return { offsetBytes: (shardBytes / (strideBytes + SCALE_BYTES)) * strideBytes, strideBytes: SCALE_BYTES };
}

/** Bytes that the memory system moves to gather one row: whole cache lines, on average where rows straddle them. */
export function gatheredBytes({ strideBytes, scales }: StoredRow): number {
  const rowLines = CACHE_LINE_BYTES % strideBytes === 0 ? CACHE_LINE_BYTES : strideBytes;
  // Such a row begins at each 8 bytes of a line equally often: it takes 1 + (strideBytes - 8) / 64 lines on average.
  const straddled = strideBytes < CACHE_LINE_BYTES && rowLines === strideBytes ? CACHE_LINE_BYTES - SCALE_BYTES : 0;
  return rowLines + straddled + (scales === "apart" ? CACHE_LINE_BYTES : 0);
}
