/**
 * Rows that are not fp32: fp16; int8, int4 and int2 with a scale and a bias for each row.
 *
 *     value(row, c) = fp16:  the half, exactly
 *                     else:  f32(f32(scale(row) * code(row, c)) + bias(row))
 *
 *     for b in bags:
 *       out[b] = 0
 *       for n, i in enumerate(indices[offsets[b] .. offsets[b+1]]):
 *         out[b] = n == 0 ? w(i) * value(i) : fold(out[b], w(i) * value(i))      fold: + or max
 *       if mean and bag not empty: out[b] /= bag length
 *
 * Preconditions, and the order in which rows fold: those of pool.ts. A row is what host/rows/stored.ts draws: scale and
 * bias are two fp32 at its end or apart. Loads stay within a row's stride.
 *
 * The bits are those of the fp32 kernels over dequantised rows: each value is rounded twice, as written above, before the weight and the
 * fold round it further. Folding scales into weights, or biases into one sum a bag, would be faster by a few percent and other bits
 * (docs/decisions/0007).
 */
import {
  JOB_COLUMNS, JOB_FIRST_ROW, JOB_FORMAT, JOB_NUM_ROWS, JOB_ROW_COUNT, JOB_ROWS_PTR, JOB_SCALES_PTR, JOB_SCALES_STRIDE, JOB_STRIDE_BYTES,
  JOB_TABLE_ROWS,
  POOL_MAX, ROW_FP16, ROW_FP16_FINITE, ROW_INT4, ROW_INT8,
} from "./abi";
import { foldRows } from "./decode-fold";
import { readU32 } from "./exchange";
import { FiniteFp16, Fp16, Int2, Int4, Int8 } from "./format";
import { LINE_BYTES } from "./gather";
import { clearRow, divideRow, Max, Sum, WeightedSum } from "./pool";

/** As in pool.ts: bytes of rows that are touched ahead, and the rows that this may be. */
const AHEAD_BYTES: usize = 16384;
const MIN_AHEAD_ROWS: usize = 4;
const MAX_AHEAD_ROWS: usize = 128;

function aheadRows(stride: usize): usize {
  return max(MIN_AHEAD_ROWS, min(MAX_AHEAD_ROWS, AHEAD_BYTES / stride));
}

// The lines of a row as a type, as in gather.ts.
type OneLine = u8;
type TwoLines = u16;
type AnyLines = u32;

// The width of an index as a type: its sizeof.
type Index4 = u32;
type Index8 = u64;

/**
 * As touchRows of gather.ts: loads a byte of every line that the rows at [q, end) lie in, their scales' included, and checks each index.
 * Returns 0, or the address of the first index that is out of range. What is loaded is dropped: a load may trap, so no compiler leaves it out.
 */
function touchRows(rows: usize, stride: usize, scales: usize, scalesStride: usize, limit: u32, q: usize, end: usize, indexBytes: usize): usize {
  if (indexBytes == 4) return touchBy<Index4>(rows, stride, scales, scalesStride, limit, q, end);
  return touchBy<Index8>(rows, stride, scales, scalesStride, limit, q, end);
}

function touchBy<Index>(rows: usize, stride: usize, scales: usize, scalesStride: usize, limit: u32, q: usize, end: usize): usize {
  const apart = scalesStride != 0 && scalesStride != stride;
  if (stride <= LINE_BYTES) return touchLines<Index, OneLine>(rows, stride, scales, scalesStride, apart, limit, q, end);
  if (stride == 2 * LINE_BYTES) return touchLines<Index, TwoLines>(rows, stride, scales, scalesStride, apart, limit, q, end);
  return touchLines<Index, AnyLines>(rows, stride, scales, scalesStride, apart, limit, q, end);
}

function touchLines<Index, Lines>(
  rows: usize, stride: usize, scales: usize, scalesStride: usize, apart: bool, limit: u32, q: usize, end: usize,
): usize {
  for (; q < end; q += sizeof<Index>()) {
    const index = readU32(q);
    if (index >= limit) return q;
    if (sizeof<Index>() == sizeof<Index8>()) {
      if (readU32(q + 4) != 0) return q;
    }
    const row = rows + <usize>index * stride;
    load<u8>(row);
    // A row shorter than a line may straddle two.
    if (sizeof<Lines>() == sizeof<OneLine>()) load<u8>(row + stride - 1);
    if (sizeof<Lines>() == sizeof<TwoLines>()) load<u8>(row, 64);
    if (sizeof<Lines>() == sizeof<AnyLines>()) {
      for (let line = row + LINE_BYTES, rowEnd = row + stride; line < rowEnd; line += LINE_BYTES) load<u8>(line);
    }
    if (apart) load<u8>(scales + <usize>index * scalesStride);
  }
  return 0;
}

function poolBags<Format, Fold>(
  job: usize, limit: u32, mean: bool, indices: usize, indexBytes: usize, offsets: usize, weights: usize, bags: usize,
  out: usize, outStride: usize,
): usize {
  if (bags == 0) return 0;
  const rows = <usize>readU32(job + JOB_ROWS_PTR);
  const stride = <usize>readU32(job + JOB_STRIDE_BYTES);
  const scales = <usize>readU32(job + JOB_SCALES_PTR);
  const scalesStride = <usize>readU32(job + JOB_SCALES_STRIDE);
  const columns = <usize>readU32(job + JOB_COLUMNS);
  const ahead = aheadRows(stride) * indexBytes;
  const last = indices + <usize>readU32(offsets + (bags << 2)) * indexBytes;
  let q = indices + <usize>readU32(offsets) * indexBytes;
  let w = weights + (<usize>readU32(offsets) << 2);
  let touched = q;
  for (const offsetsEnd = offsets + (bags << 2); offsets < offsetsEnd; offsets += 4, out += outStride) {
    const count = readU32(offsets + 4) - readU32(offsets);
    if (count == 0) {
      clearRow(out, columns);
      continue;
    }
    const bagEnd = q + <usize>count * indexBytes;
    let fresh = true;
    do {
      const chunkEnd = min(q + ahead, bagEnd);
      if (touched < chunkEnd) {
        const next = min(chunkEnd + ahead, last);
        const bad = touchRows(rows, stride, scales, scalesStride, limit, touched, next, indexBytes);
        if (bad != 0) return bad;
        touched = next;
      }
      foldRows<Format, Fold>(rows, stride, scales, scalesStride, columns, q, chunkEnd, indexBytes, w, out, fresh);
      fresh = false;
      w += ((chunkEnd - q) / indexBytes) << 2;
      q = chunkEnd;
    } while (q < bagEnd);
    if (mean && count > 1) divideRow(out, columns, count);
  }
  return 0;
}

function poolFormat<Format>(
  job: usize, pooling: u32, limit: u32, mean: bool, indices: usize, indexBytes: usize, offsets: usize, weights: usize, bags: usize,
  out: usize, outStride: usize,
): usize {
  if (pooling == POOL_MAX) return poolBags<Format, Max>(job, limit, false, indices, indexBytes, offsets, 0, bags, out, outStride);
  if (weights != 0) return poolBags<Format, WeightedSum>(job, limit, false, indices, indexBytes, offsets, weights, bags, out, outStride);
  return poolBags<Format, Sum>(job, limit, mean, indices, indexBytes, offsets, 0, bags, out, outStride);
}

/**
 * The loop at the top for a job whose format is not fp32; poolBags of pool.ts for the rest. limit: rows at JOB_ROWS_PTR. mean divides when set.
 * Returns 0, or the address of the first index that is out of range; `out` is then unspecified.
 */
export function poolDecoded(
  job: usize, pooling: u32, limit: u32, mean: bool, indices: usize, indexBytes: usize, offsets: usize, weights: usize, bags: usize,
  out: usize, outStride: usize,
): usize {
  const format = readU32(job + JOB_FORMAT);
  if (format == ROW_FP16) return poolFormat<Fp16>(job, pooling, limit, mean, indices, indexBytes, offsets, weights, bags, out, outStride);
  if (format == ROW_FP16_FINITE) return poolFormat<FiniteFp16>(job, pooling, limit, mean, indices, indexBytes, offsets, weights, bags, out, outStride);
  if (format == ROW_INT8) return poolFormat<Int8>(job, pooling, limit, mean, indices, indexBytes, offsets, weights, bags, out, outStride);
  if (format == ROW_INT4) return poolFormat<Int4>(job, pooling, limit, mean, indices, indexBytes, offsets, weights, bags, out, outStride);
  return poolFormat<Int2>(job, pooling, limit, mean, indices, indexBytes, offsets, weights, bags, out, outStride);
}

/** Rows that the last call of gatherDecoded gave; with a bad index, none. */
export let decodedRows: u32 = 0;

function gatherFormat<Format>(job: usize, q: usize, end: usize, indexBytes: usize, out: usize, outStride: usize): usize {
  const rows = <usize>readU32(job + JOB_ROWS_PTR);
  const stride = <usize>readU32(job + JOB_STRIDE_BYTES);
  const scales = <usize>readU32(job + JOB_SCALES_PTR);
  const scalesStride = <usize>readU32(job + JOB_SCALES_STRIDE);
  const columns = <usize>readU32(job + JOB_COLUMNS);
  const numRows = readU32(job + JOB_NUM_ROWS);
  const firstRow = readU32(job + JOB_FIRST_ROW);
  const rowCount = readU32(job + JOB_ROW_COUNT);
  const whole = rowCount >= readU32(job + JOB_TABLE_ROWS);
  // Where row 0 of the table would be. It may lie before the memory's start; the sums wrap back.
  const origin = rows - <usize>firstRow * stride;
  const scalesOrigin = scales - <usize>firstRow * scalesStride;
  const ahead = aheadRows(stride) * indexBytes;
  let count: u32 = 0;
  decodedRows = 0;
  while (q < end) {
    const blockEnd = min(q + ahead, end);
    if (whole) {
      const bad = touchRows(rows, stride, scales, scalesStride, numRows, q, blockEnd, indexBytes);
      if (bad != 0) return bad;
    }
    for (; q < blockEnd; q += indexBytes, out += outStride) {
      const index = readU32(q);
      if (index >= numRows) return q;
      if (indexBytes == 8) {
        if (readU32(q + 4) != 0) return q;
      }
      if (index - firstRow < rowCount) {
        foldRows<Format, Sum>(origin, stride, scalesOrigin, scalesStride, columns, q, q + indexBytes, indexBytes, 0, out, true);
        count++;
      }
    }
  }
  decodedRows = count;
  return 0;
}

/**
 * Rows as they are, as fp32: the row at each index of [q, end) to out, outStride bytes on from one to the next; rows that the shard does not hold are left
 * alone. Returns 0 or the address of the first bad index; decodedRows counts the rows.
 */
export function gatherDecoded(job: usize, q: usize, end: usize, indexBytes: usize, out: usize, outStride: usize): usize {
  const format = readU32(job + JOB_FORMAT);
  if (format == ROW_FP16) return gatherFormat<Fp16>(job, q, end, indexBytes, out, outStride);
  if (format == ROW_FP16_FINITE) return gatherFormat<FiniteFp16>(job, q, end, indexBytes, out, outStride);
  if (format == ROW_INT8) return gatherFormat<Int8>(job, q, end, indexBytes, out, outStride);
  if (format == ROW_INT4) return gatherFormat<Int4>(job, q, end, indexBytes, out, outStride);
  return gatherFormat<Int2>(job, q, end, indexBytes, out, outStride);
}
