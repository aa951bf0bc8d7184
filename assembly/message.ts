/** What goes between ranks: indices cut by owner, partial sums added up. */
import {
  FEATURE_MAP_BYTES, FEATURE_SLOT, FEATURE_TARGET, PIECE_FEATURE_MAP_PTR, POOL_MAX, POOL_MEAN,
  REDUCTION_BYTES, REDUCTION_COLUMNS, REDUCTION_FEATURE, REDUCTION_POOLING, REDUCTION_SHARD_COUNT, REDUCTION_SHARDS_PTR,
} from "./abi";
import { readF32, readI32, readU32, readV128, writeF32, writeU32, writeV128 } from "./exchange";
import { clearRow, divideRow } from "./pool";

/**
 * Keeps the indices that a shard holds and that are no padding, as rows of the shard, in order.
 *
 *     for b in bags: for i in indices[offsets[b] .. offsets[b+1]]:
 *       if not i < numRows: return its address
 *       if firstRow <= i < firstRow + rowCount and i != padding: outIndices.push(i - firstRow); outWeights.push(weight of i)
 *     outOffsets: bags + 1, from 0
 *
 * Branch-free per index but for the range check: each is stored, the end moves on for those that stay. So outIndices and
 * outWeights need one element more than they keep. outWeights is used when weights is not 0. Returns 0 or the bad address.
 */
export function bucketise(
  indices: usize, indexBytes: usize, offsets: usize, bags: usize, weights: usize,
  numRows: u32, firstRow: u32, rowCount: u32, padding: u32,
  outIndices: usize, outWeights: usize, outOffsets: usize,
): usize {
  const base = readU32(offsets);
  let q = indices + <usize>base * indexBytes;
  let w = weights + (<usize>base << 2);
  let kept: usize = 0;
  writeU32(outOffsets, 0);
  for (let b: usize = 0; b < bags; b++) {
    const end = indices + <usize>readU32(offsets + ((b + 1) << 2)) * indexBytes;
    for (; q < end; q += indexBytes, w += 4) {
      const index = readU32(q);
      if (index >= numRows) return q;
      if (indexBytes == 8) {
        if (readU32(q + 4) != 0) return q;
      }
      const row = index - firstRow;
      writeU32(outIndices + (kept << 2), row);
      if (weights != 0) writeF32(outWeights + (kept << 2), readF32(w));
      kept += <usize>(row < rowCount) & <usize>(index != padding);
    }
    writeU32(outOffsets + ((b + 1) << 2), <u32>kept);
  }
  return 0;
}

/** acc = fold(acc, row) over columns floats, both in the exchange memory. */
function addRow(row: usize, columns: usize, isMax: bool, acc: usize): void {
  const whole = (columns >> 2) << 4;
  let byte: usize = 0;
  if (isMax) {
    for (; byte < whole; byte += 16) writeV128(acc + byte, f32x4.max(readV128(acc + byte), readV128(row + byte)));
    for (const end = columns << 2; byte < end; byte += 4) writeF32(acc + byte, max(readF32(acc + byte), readF32(row + byte)));
  } else {
    for (; byte < whole; byte += 16) writeV128(acc + byte, f32x4.add(readV128(acc + byte), readV128(row + byte)));
    for (const end = columns << 2; byte < end; byte += 4) writeF32(acc + byte, readF32(acc + byte) + readF32(row + byte));
  }
}

function copyPartial(row: usize, columns: usize, out: usize): void {
  const whole = (columns >> 2) << 4;
  let byte: usize = 0;
  for (; byte < whole; byte += 16) writeV128(out + byte, readV128(row + byte));
  for (const end = columns << 2; byte < end; byte += 4) writeU32(out + byte, readU32(row + byte));
}

/** Bytes of a partial row of `columns` floats in a window: whole vectors. */
// @ts-ignore: decorator
@inline
export function partialRowBytes(columns: usize): usize {
  return ((columns + 3) >> 2) << 4;
}

/**
 * Adds up the partial sums of samples [firstRow, firstRow + bags) of a window into dest, feature by feature.
 *
 *     for r in reductions: for n in bags:
 *       dest[n, r] = the partial rows of r's shards in shard order, folded; shards with count 0 add nothing
 *       mean: divided once, by the sum of the counts
 *
 * window: start of the receiver's window. windowRow: the window's row of the first bag. dest: row of the first bag.
 */
export function reducePiece(
  reductions: usize, reductionCount: usize, piece: usize, bags: usize,
  window: usize, windowRow: usize, dest: usize, destStride: usize,
): void {
  const featureMap = <usize>readU32(piece + PIECE_FEATURE_MAP_PTR);
  for (const end = reductions + reductionCount * REDUCTION_BYTES; reductions < end; reductions += REDUCTION_BYTES) {
    const picked = featureMap + <usize>readU32(reductions + REDUCTION_FEATURE) * FEATURE_MAP_BYTES;
    if (readI32(picked + FEATURE_SLOT) < 0) continue;
    const columns = <usize>readU32(reductions + REDUCTION_COLUMNS);
    const pooling = readU32(reductions + REDUCTION_POOLING);
    const shards = <usize>readU32(reductions + REDUCTION_SHARDS_PTR);
    const shardsEnd = shards + (<usize>readU32(reductions + REDUCTION_SHARD_COUNT) << 3);
    let out = dest + <usize>readU32(picked + FEATURE_TARGET);
    for (let row = windowRow; row < windowRow + bags; row++, out += destStride) {
      let total: u32 = 0;
      for (let shard = shards; shard < shardsEnd; shard += 8) {
        const count = readU32(window + <usize>readU32(shard + 4) + (row << 2));
        if (count == 0) continue;
        const partial = window + <usize>readU32(shard) + row * partialRowBytes(columns);
        if (total == 0) copyPartial(partial, columns, out);
        else addRow(partial, columns, pooling == POOL_MAX, out);
        total += count;
      }
      if (total == 0) clearRow(out, columns);
      else if (pooling == POOL_MEAN && total > 1) divideRow(out, columns, total);
    }
  }
}

/**
 * Looks for the first place where offsets do not start at 0, fall, or do not end at indexCount.
 * Returns -1 when all is well, else the element of `offsets` that is wrong.
 */
export function checkOffsets(offsets: usize, count: usize, indexCount: u32): i32 {
  if (readU32(offsets) != 0) return 0;
  let n: usize = 1;
  // Four at a time: each against the one before it, as signed, so that a negative one falls.
  for (; n + 4 <= count; n += 4) {
    const here = readV128(offsets + (n << 2));
    const before = readV128(offsets + ((n - 1) << 2));
    if (v128.any_true(i32x4.lt_s(here, before))) break;
  }
  for (; n < count; n++) {
    if (readI32(offsets + (n << 2)) < readI32(offsets + ((n - 1) << 2))) return <i32>n;
  }
  return readU32(offsets + ((count - 1) << 2)) == indexCount ? -1 : <i32>(count - 1);
}

