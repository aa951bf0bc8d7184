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
  JOB_COLUMNS, JOB_FORMAT, JOB_ROWS_PTR, JOB_SCALES_PTR, JOB_SCALES_STRIDE, JOB_STRIDE_BYTES,
  POOL_MAX, ROW_FP16, ROW_FP16_FINITE, ROW_INT4, ROW_INT8,
} from "./abi";
import { readF32, readU32, readV128, writeF32, writeV128 } from "./exchange";
import { codeBytes, codes16, dequantised, FiniteFp16, Fp16, highHalves, Int2, Int4, Int8, isFp16, lowHalves, scaleOf } from "./format";
import { LINE_BYTES } from "./gather";
import { clearRow, divideRow, Max, Sum, WeightedSum } from "./pool";

/** As in pool.ts: bytes of rows that are touched ahead, and the rows that this may be. */
const AHEAD_BYTES: usize = 16384;
const MIN_AHEAD_ROWS: usize = 4;
const MAX_AHEAD_ROWS: usize = 128;

/** Takes the touched bytes so that no optimiser drops the touch. */
let sink: u32 = 0;

/** What a fold starts from: -0 + x and max(-infinity, x) are x, of -0 and NaN as well. */
// @ts-ignore: decorator
@inline
function nothing<Fold>(): v128 {
  if (sizeof<Fold>() == sizeof<Max>()) return f32x4.splat(-Infinity);
  return f32x4.splat(-0.0);
}

// @ts-ignore: decorator
@inline
function fold<Fold>(acc: v128, row: v128, weight: v128): v128 {
  if (sizeof<Fold>() == sizeof<Sum>()) return f32x4.add(acc, row);
  if (sizeof<Fold>() == sizeof<WeightedSum>()) return f32x4.add(acc, f32x4.mul(weight, row));
  return f32x4.max(acc, row);
}

// @ts-ignore: decorator
@inline
function weightAt<Fold>(w: usize): v128 {
  if (sizeof<Fold>() == sizeof<WeightedSum>()) return f32x4.splat(readF32(w));
  return f32x4.splat(1);
}

/**
 * Folds 32 columns of the rows at indices [q, end) into out. `fresh`: out holds nothing yet. w: address of the weight of the index at q
 * (WeightedSum only).
 */
function fold32<Format, Fold>(
  rows: usize, stride: usize, scales: usize, scalesStride: usize,
  q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool,
): void {
  let a0 = nothing<Fold>(), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  if (!fresh) {
    a0 = readV128(out);
    a1 = readV128(out + 16);
    a2 = readV128(out + 32);
    a3 = readV128(out + 48);
    a4 = readV128(out + 64);
    a5 = readV128(out + 80);
    a6 = readV128(out + 96);
    a7 = readV128(out + 112);
  }
  for (; q < end; q += indexBytes, w += 4) {
    const index = <usize>readU32(q);
    const row = rows + index * stride;
    const weight = weightAt<Fold>(w);
    if (isFp16<Format>()) {
      let eight = v128.load(row);
      a0 = fold<Fold>(a0, lowHalves<Format>(eight), weight);
      a1 = fold<Fold>(a1, highHalves<Format>(eight), weight);
      eight = v128.load(row, 16);
      a2 = fold<Fold>(a2, lowHalves<Format>(eight), weight);
      a3 = fold<Fold>(a3, highHalves<Format>(eight), weight);
      eight = v128.load(row, 32);
      a4 = fold<Fold>(a4, lowHalves<Format>(eight), weight);
      a5 = fold<Fold>(a5, highHalves<Format>(eight), weight);
      eight = v128.load(row, 48);
      a6 = fold<Fold>(a6, lowHalves<Format>(eight), weight);
      a7 = fold<Fold>(a7, highHalves<Format>(eight), weight);
    } else {
      const own = scales + index * scalesStride;
      const scale = scaleOf<Format>(own);
      const bias = v128.load32_splat(own, 4);
      let sixteen = codes16<Format>(row);
      let eight = i16x8.extend_low_i8x16_u(sixteen);
      a0 = fold<Fold>(a0, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a1 = fold<Fold>(a1, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
      eight = i16x8.extend_high_i8x16_u(sixteen);
      a2 = fold<Fold>(a2, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a3 = fold<Fold>(a3, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
      sixteen = codes16<Format>(row + codeBytes<Format>(16));
      eight = i16x8.extend_low_i8x16_u(sixteen);
      a4 = fold<Fold>(a4, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a5 = fold<Fold>(a5, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
      eight = i16x8.extend_high_i8x16_u(sixteen);
      a6 = fold<Fold>(a6, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a7 = fold<Fold>(a7, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
    }
  }
  writeV128(out, a0);
  writeV128(out + 16, a1);
  writeV128(out + 32, a2);
  writeV128(out + 48, a3);
  writeV128(out + 64, a4);
  writeV128(out + 80, a5);
  writeV128(out + 96, a6);
  writeV128(out + 112, a7);
}

/** The same for 1 to 16 columns. */
function foldUpTo16<Format, Fold>(
  rows: usize, stride: usize, scales: usize, scalesStride: usize, columns: usize,
  q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool,
): void {
  let a0 = nothing<Fold>(), a1 = a0, a2 = a0, a3 = a0;
  if (!fresh) {
    a0 = readLanes(out, columns);
    if (columns > 4) a1 = readLanes(out + 16, columns - 4);
    if (columns > 8) a2 = readLanes(out + 32, columns - 8);
    if (columns > 12) a3 = readLanes(out + 48, columns - 12);
  }
  for (; q < end; q += indexBytes, w += 4) {
    const index = <usize>readU32(q);
    const row = rows + index * stride;
    const weight = weightAt<Fold>(w);
    if (isFp16<Format>()) {
      const eight = v128.load(row);
      a0 = fold<Fold>(a0, lowHalves<Format>(eight), weight);
      a1 = fold<Fold>(a1, highHalves<Format>(eight), weight);
      if (columns > 8) {
        const more = v128.load(row, 16);
        a2 = fold<Fold>(a2, lowHalves<Format>(more), weight);
        a3 = fold<Fold>(a3, highHalves<Format>(more), weight);
      }
    } else {
      const own = scales + index * scalesStride;
      const scale = scaleOf<Format>(own);
      const bias = v128.load32_splat(own, 4);
      const sixteen = codes16<Format>(row);
      let eight = i16x8.extend_low_i8x16_u(sixteen);
      a0 = fold<Fold>(a0, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a1 = fold<Fold>(a1, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
      eight = i16x8.extend_high_i8x16_u(sixteen);
      a2 = fold<Fold>(a2, dequantised(i32x4.extend_low_i16x8_u(eight), scale, bias), weight);
      a3 = fold<Fold>(a3, dequantised(i32x4.extend_high_i16x8_u(eight), scale, bias), weight);
    }
  }
  writeLanes(out, a0, columns);
  if (columns > 4) writeLanes(out + 16, a1, columns - 4);
  if (columns > 8) writeLanes(out + 32, a2, columns - 8);
  if (columns > 12) writeLanes(out + 48, a3, columns - 12);
}

/** The first min(lanes, 4) floats at ptr. */
function readLanes(ptr: usize, lanes: usize): v128 {
  if (lanes >= 4) return readV128(ptr);
  let v = f32x4.splat(readF32(ptr));
  if (lanes > 1) v = f32x4.replace_lane(v, 1, readF32(ptr + 4));
  if (lanes > 2) v = f32x4.replace_lane(v, 2, readF32(ptr + 8));
  return v;
}

function writeLanes(ptr: usize, v: v128, lanes: usize): void {
  if (lanes >= 4) {
    writeV128(ptr, v);
    return;
  }
  writeF32(ptr, f32x4.extract_lane(v, 0));
  if (lanes > 1) writeF32(ptr + 4, f32x4.extract_lane(v, 1));
  if (lanes > 2) writeF32(ptr + 8, f32x4.extract_lane(v, 2));
}

/** All columns of the rows at indices [q, end), in passes of 32 and 16. */
function foldRows<Format, Fold>(
  rows: usize, stride: usize, scales: usize, scalesStride: usize, columns: usize,
  q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool,
): void {
  for (; columns >= 32; columns -= 32, rows += codeBytes<Format>(32), out += 128) {
    fold32<Format, Fold>(rows, stride, scales, scalesStride, q, end, indexBytes, w, out, fresh);
  }
  for (; columns > 0; rows += codeBytes<Format>(16), out += 64) {
    const now = min<usize>(columns, 16);
    foldUpTo16<Format, Fold>(rows, stride, scales, scalesStride, now, q, end, indexBytes, w, out, fresh);
    columns -= now;
  }
}

/**
 * As touchRows of gather.ts: loads a word of every line that the rows at [q, end) lie in, their scales' included, and checks each index.
 * Returns 0, or the address of the first index that is out of range.
 */
function touchRows(rows: usize, stride: usize, scales: usize, scalesStride: usize, limit: u32, q: usize, end: usize, indexBytes: usize): usize {
  const apart = scalesStride != 0 && scalesStride != stride;
  let seen: u32 = 0;
  for (; q < end; q += indexBytes) {
    const index = readU32(q);
    if (index >= limit) return q;
    if (indexBytes == 8) {
      if (readU32(q + 4) != 0) return q;
    }
    const row = rows + <usize>index * stride;
    // A stride below a line may straddle two; longer ones are whole lines.
    seen ^= load<u32>(row) ^ load<u32>(row + stride - 4);
    for (let line: usize = LINE_BYTES; line + LINE_BYTES < stride; line += LINE_BYTES) seen ^= load<u32>(row + line);
    if (apart) seen ^= load<u32>(scales + <usize>index * scalesStride);
  }
  sink = seen;
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
  const ahead = max(MIN_AHEAD_ROWS, min(MAX_AHEAD_ROWS, AHEAD_BYTES / stride)) * indexBytes;
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

/** Writes the row that the index at q names, less firstRow, as fp32 to out. The index is known to be good. */
export function decodeRow(job: usize, q: usize, firstRow: u32, out: usize): void {
  const format = readU32(job + JOB_FORMAT);
  const columns = <usize>readU32(job + JOB_COLUMNS);
  const stride = <usize>readU32(job + JOB_STRIDE_BYTES);
  const scalesStride = <usize>readU32(job + JOB_SCALES_STRIDE);
  // Where row 0 of the table would be. It may lie before the memory's start; the sums wrap back.
  const rows = <usize>readU32(job + JOB_ROWS_PTR) - <usize>firstRow * stride;
  const scales = <usize>readU32(job + JOB_SCALES_PTR) - <usize>firstRow * scalesStride;
  const end = q + 4;
  if (format == ROW_FP16) foldRows<Fp16, Sum>(rows, stride, scales, scalesStride, columns, q, end, 4, 0, out, true);
  else if (format == ROW_FP16_FINITE) foldRows<FiniteFp16, Sum>(rows, stride, scales, scalesStride, columns, q, end, 4, 0, out, true);
  else if (format == ROW_INT8) foldRows<Int8, Sum>(rows, stride, scales, scalesStride, columns, q, end, 4, 0, out, true);
  else if (format == ROW_INT4) foldRows<Int4, Sum>(rows, stride, scales, scalesStride, columns, q, end, 4, 0, out, true);
  else foldRows<Int2, Sum>(rows, stride, scales, scalesStride, columns, q, end, 4, 0, out, true);
}
