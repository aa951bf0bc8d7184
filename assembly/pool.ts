/**
 * Bags of rows to one vector a bag: sum, mean, max.
 *
 *     for b in bags:
 *       out[b] = 0
 *       for n, i in enumerate(indices[offsets[b] .. offsets[b+1]]):
 *         out[b] = n == 0 ? w(i) * rows[i] : fold(out[b], w(i) * rows[i])      fold: + or max
 *       if mean and bag not empty: out[b] /= bag length
 *
 * The bits: rows fold in index order, starting from the first row (so -0 survives); products are rounded before they are added.
 * How it is fast: rows are touched a block at a time (assembly/gather.ts), in a loop so short that many misses are under way at once, and
 * folded from cache afterwards; a pass folds up to 8 vectors of 4 lanes in registers; a bag longer than a block parks its accumulators
 * in `out` between blocks; runs of bags of one row are copied. Rows are padded to whole vectors, so loads never cut; only the last
 * store does. docs/kernels.md has what was tried and what it gave.
 */
import { readF32, readU32, readV128, writeF32, writeV128 } from "./exchange";
import { aheadRows, copyRow, copyRows, Eight, Four, isOut, One, touchRows, Two } from "./gather";

// The fold as a type: each instance of a generic kernel below keeps one branch of fold().
export type Sum = u8;
export type WeightedSum = u16;
export type Max = u32;

// @ts-ignore: decorator
@inline
function fold<Fold>(acc: v128, row: v128, weight: v128): v128 {
  if (sizeof<Fold>() == sizeof<Sum>()) return f32x4.add(acc, row);
  if (sizeof<Fold>() == sizeof<WeightedSum>()) return f32x4.add(acc, f32x4.mul(weight, row));
  return f32x4.max(acc, row);
}

// @ts-ignore: decorator
@inline
function first<Fold>(row: v128, weight: v128): v128 {
  if (sizeof<Fold>() == sizeof<WeightedSum>()) return f32x4.mul(weight, row);
  return row;
}

// @ts-ignore: decorator
@inline
function weightAt<Fold>(w: usize): v128 {
  if (sizeof<Fold>() == sizeof<WeightedSum>()) return f32x4.splat(readF32(w));
  return f32x4.splat(1);
}

/**
 * Folds `Vectors` vectors of the rows at indices [q, end) into out. `fresh`: out holds nothing yet, the first row starts it.
 * w: address of the weight of the index at q (WeightedSum only).
 */
function foldVectors<Fold, Vectors>(rows: usize, stride: usize, q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool): void {
  let a0: v128, a1: v128, a2: v128, a3: v128, a4: v128, a5: v128, a6: v128, a7: v128;
  if (fresh) {
    const row = rows + <usize>readU32(q) * stride;
    const weight = weightAt<Fold>(w);
    a0 = first<Fold>(v128.load(row), weight);
    if (sizeof<Vectors>() >= sizeof<Two>()) a1 = first<Fold>(v128.load(row, 16), weight);
    if (sizeof<Vectors>() >= sizeof<Four>()) {
      a2 = first<Fold>(v128.load(row, 32), weight);
      a3 = first<Fold>(v128.load(row, 48), weight);
    }
    if (sizeof<Vectors>() >= sizeof<Eight>()) {
      a4 = first<Fold>(v128.load(row, 64), weight);
      a5 = first<Fold>(v128.load(row, 80), weight);
      a6 = first<Fold>(v128.load(row, 96), weight);
      a7 = first<Fold>(v128.load(row, 112), weight);
    }
    q += indexBytes;
    w += 4;
  } else {
    a0 = readV128(out);
    if (sizeof<Vectors>() >= sizeof<Two>()) a1 = readV128(out + 16);
    if (sizeof<Vectors>() >= sizeof<Four>()) {
      a2 = readV128(out + 32);
      a3 = readV128(out + 48);
    }
    if (sizeof<Vectors>() >= sizeof<Eight>()) {
      a4 = readV128(out + 64);
      a5 = readV128(out + 80);
      a6 = readV128(out + 96);
      a7 = readV128(out + 112);
    }
  }
  for (; q < end; q += indexBytes, w += 4) {
    const row = rows + <usize>readU32(q) * stride;
    const weight = weightAt<Fold>(w);
    a0 = fold<Fold>(a0, v128.load(row), weight);
    if (sizeof<Vectors>() >= sizeof<Two>()) a1 = fold<Fold>(a1, v128.load(row, 16), weight);
    if (sizeof<Vectors>() >= sizeof<Four>()) {
      a2 = fold<Fold>(a2, v128.load(row, 32), weight);
      a3 = fold<Fold>(a3, v128.load(row, 48), weight);
    }
    if (sizeof<Vectors>() >= sizeof<Eight>()) {
      a4 = fold<Fold>(a4, v128.load(row, 64), weight);
      a5 = fold<Fold>(a5, v128.load(row, 80), weight);
      a6 = fold<Fold>(a6, v128.load(row, 96), weight);
      a7 = fold<Fold>(a7, v128.load(row, 112), weight);
    }
  }
  writeV128(out, a0);
  if (sizeof<Vectors>() >= sizeof<Two>()) writeV128(out + 16, a1);
  if (sizeof<Vectors>() >= sizeof<Four>()) {
    writeV128(out + 32, a2);
    writeV128(out + 48, a3);
  }
  if (sizeof<Vectors>() >= sizeof<Eight>()) {
    writeV128(out + 64, a4);
    writeV128(out + 80, a5);
    writeV128(out + 96, a6);
    writeV128(out + 112, a7);
  }
}

/** One vector, of which `lanes` (1 to 3) belong to the row. */
function foldTail<Fold>(rows: usize, stride: usize, q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool, lanes: usize): void {
  let acc: v128;
  if (fresh) {
    acc = first<Fold>(v128.load(rows + <usize>readU32(q) * stride), weightAt<Fold>(w));
    q += indexBytes;
    w += 4;
  } else {
    acc = readLanes(out, lanes);
  }
  for (; q < end; q += indexBytes, w += 4) {
    acc = fold<Fold>(acc, v128.load(rows + <usize>readU32(q) * stride), weightAt<Fold>(w));
  }
  writeLanes(out, acc, lanes);
}

function readLanes(ptr: usize, lanes: usize): v128 {
  let v = f32x4.splat(readF32(ptr));
  if (lanes > 1) v = f32x4.replace_lane(v, 1, readF32(ptr + 4));
  if (lanes > 2) v = f32x4.replace_lane(v, 2, readF32(ptr + 8));
  return v;
}

function writeLanes(ptr: usize, v: v128, lanes: usize): void {
  writeF32(ptr, f32x4.extract_lane(v, 0));
  if (lanes > 1) writeF32(ptr + 4, f32x4.extract_lane(v, 1));
  if (lanes > 2) writeF32(ptr + 8, f32x4.extract_lane(v, 2));
}

/** All columns of the rows at indices [q, end), in passes of 8, 4, 2 and 1 vectors. */
function foldRows<Fold>(rows: usize, stride: usize, columns: usize, q: usize, end: usize, indexBytes: usize, w: usize, out: usize, fresh: bool): void {
  let vectors = columns >> 2;
  for (; vectors >= 8; vectors -= 8, rows += 128, out += 128) foldVectors<Fold, Eight>(rows, stride, q, end, indexBytes, w, out, fresh);
  if ((vectors & 4) != 0) {
    foldVectors<Fold, Four>(rows, stride, q, end, indexBytes, w, out, fresh);
    rows += 64;
    out += 64;
  }
  if ((vectors & 2) != 0) {
    foldVectors<Fold, Two>(rows, stride, q, end, indexBytes, w, out, fresh);
    rows += 32;
    out += 32;
  }
  if ((vectors & 1) != 0) {
    foldVectors<Fold, One>(rows, stride, q, end, indexBytes, w, out, fresh);
    rows += 16;
    out += 16;
  }
  const tail = columns & 3;
  if (tail != 0) foldTail<Fold>(rows, stride, q, end, indexBytes, w, out, fresh, tail);
}

/** out[0 .. columns) = 0, and +0 at that. */
export function clearRow(out: usize, columns: usize): void {
  const whole = (columns >> 2) << 4;
  let byte: usize = 0;
  for (; byte < whole; byte += 16) writeV128(out + byte, f32x4.splat(0));
  for (const end = columns << 2; byte < end; byte += 4) writeF32(out + byte, 0);
}

/** out[0 .. columns) /= count. */
export function divideRow(out: usize, columns: usize, count: u32): void {
  const divisor = f32x4.splat(<f32>count);
  const whole = (columns >> 2) << 4;
  let byte: usize = 0;
  for (; byte < whole; byte += 16) writeV128(out + byte, f32x4.div(readV128(out + byte), divisor));
  for (const end = columns << 2; byte < end; byte += 4) writeF32(out + byte, readF32(out + byte) / <f32>count);
}

/** How many bags from the first one on have one row each, at most `most`. */
function singles(offsets: usize, offsetsEnd: usize, most: usize): usize {
  const begin = offsets;
  const end = min(offsetsEnd, offsets + (most << 2));
  let position = readU32(offsets);
  for (; offsets < end; offsets += 4) {
    const next = readU32(offsets + 4);
    if (next - position != 1) break;
    position = next;
  }
  return (offsets - begin) >> 2;
}

/**
 * The loop above. rows in memory 0; indices, offsets, weights and out in the exchange memory; all pointers may be unaligned.
 * limit: rows at `rows`. offsets: bags + 1, not falling, relative to indices and weights. mean divides when set.
 * Returns 0, or the address of the first index that is out of range; `out` is then unspecified.
 */
export function poolBags<Fold>(
  rows: usize, stride: usize, columns: usize, limit: u32, mean: bool,
  indices: usize, indexBytes: usize, offsets: usize, weights: usize, bags: usize,
  out: usize, outStride: usize,
): usize {
  if (bags == 0) return 0;
  const block = aheadRows(stride);
  const ahead = block * indexBytes;
  const last = indices + <usize>readU32(offsets + (bags << 2)) * indexBytes;
  let q = indices + <usize>readU32(offsets) * indexBytes;
  let w = weights + (<usize>readU32(offsets) << 2);
  if (bags == 1 && last - q == indexBytes && sizeof<Fold>() != sizeof<WeightedSum>()) {
    // One sample of one row: nothing lies ahead, and calls would cost more than the row.
    const index = readU32(q);
    if (isOut(q, index, limit, indexBytes)) return q;
    copyRow(rows + <usize>index * stride, columns, out);
    return 0;
  }
  let touched = q;
  const offsetsEnd = offsets + (bags << 2);
  while (offsets < offsetsEnd) {
    const count = readU32(offsets + 4) - readU32(offsets);
    if (count == 0) {
      clearRow(out, columns);
      offsets += 4;
      out += outStride;
      continue;
    }
    // A weighted bag of one row is no copy: its row is multiplied.
    const copies = count == 1 && sizeof<Fold>() != sizeof<WeightedSum>() ? singles(offsets, offsetsEnd, block) : 0;
    const bagEnd = q + (copies != 0 ? copies : <usize>count) * indexBytes;
    let fresh = true;
    do {
      const chunkEnd = min(q + ahead, bagEnd);
      if (touched < chunkEnd) {
        const next = min(chunkEnd + ahead, last);
        const bad = touchRows(rows, stride, limit, touched, next, indexBytes);
        if (bad != 0) return bad;
        touched = next;
      }
      if (copies != 0) copyRows(rows, stride, columns, q, chunkEnd, indexBytes, out, outStride);
      else foldRows<Fold>(rows, stride, columns, q, chunkEnd, indexBytes, w, out, fresh);
      fresh = false;
      w += ((chunkEnd - q) / indexBytes) << 2;
      q = chunkEnd;
    } while (q < bagEnd);
    if (mean && count > 1) divideRow(out, columns, count);
    const done = copies != 0 ? copies : 1;
    offsets += done << 2;
    out += done * outStride;
  }
  return 0;
}
