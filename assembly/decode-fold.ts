/** Rows of one format folded into accumulators, a pass of 32 or up to 16 columns at a time: the inner loops of decode.ts, which says what they compute. */
import { readF32, readU32, readV128, writeF32, writeV128 } from "./exchange";
import { codeBytes, codes16, dequantised, highHalves, isFp16, lowHalves, scaleOf } from "./format";
import { Max, Sum, WeightedSum } from "./pool";

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

/** All columns of the rows at indices [q, end), in passes of 32 and 16. fresh, w: as in fold32. */
export function foldRows<Format, Fold>(
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
