/** One rank's work on one piece of a step: all its jobs in one call. */
import {
  ERROR_LIMIT, ERROR_POSITION, ERROR_SLOT, ERROR_STATUS, ERROR_VALUE_HIGH, ERROR_VALUE_LOW,
  FEATURE_MAP_BYTES, FEATURE_SLOT, FEATURE_TARGET,
  JOB_BYTES, JOB_COLUMN_BYTE, JOB_COLUMNS, JOB_COUNTS_BYTE, JOB_FEATURE, JOB_FIRST_ROW, JOB_FORMAT, JOB_NUM_ROWS, JOB_PADDING,
  JOB_PARTIAL, JOB_PARTIAL_BYTE, JOB_POOLING, JOB_PREPARING, JOB_ROW_COUNT, JOB_ROWS_PTR, JOB_STRIDE_BYTES,
  JOB_TABLE_COLUMNS, JOB_TABLE_ROWS,
  PIECE_BATCH_SIZE, PIECE_FEATURE_MAP_PTR, PIECE_INDEX_BYTES, PIECE_INDICES_PTR, PIECE_OFFSETS_PTR, PIECE_WEIGHTS_PTR,
  POOL_MAX, POOL_MEAN, POOL_NONE, PREPARE_FILTER, PREPARE_RESOLVE, ROW_FP32,
} from "./abi";
import { decodedRows, gatherDecoded, poolDecoded } from "./decode";
import { readI32, readU32, writeU32 } from "./exchange";
import { touchFirstRows } from "./first-rows";
import { aheadRows, copyRow, copyRows, isOut, touchRows } from "./gather";
import { bucketise, partialRowBytes } from "./message";
import { clearRow, Max, poolBags, Sum, WeightedSum } from "./pool";
import { resolveRows } from "./resolve";
import { STATUS_INDEX_RANGE, STATUS_KEY_MISSING, STATUS_OK } from "./status";

/** Rows that this instance has gathered. Read and reset by the host; f64 because the host counts in numbers. */
export let gatheredRows: f64 = 0;

export function takeGatheredRows(): f64 {
  const rows = gatheredRows;
  gatheredRows = 0;
  return rows;
}

/**
 * Notes a bad index. The record keeps the lowest (slot, position), whatever the order in which jobs find them.
 * bad: address of the index; position: its element in the piece's indices; limit: rows of its table.
 */
function noteBadIndex(error: usize, status: i32, slot: u32, bad: usize, position: u32, indexBytes: usize, limit: u32): void {
  if (readU32(error + ERROR_STATUS) != STATUS_OK) {
    const oldSlot = readU32(error + ERROR_SLOT);
    if (oldSlot < slot || (oldSlot == slot && readU32(error + ERROR_POSITION) <= position)) return;
  }
  const low = readU32(bad);
  writeU32(error + ERROR_SLOT, slot);
  writeU32(error + ERROR_POSITION, position);
  writeU32(error + ERROR_VALUE_LOW, low);
  writeU32(error + ERROR_VALUE_HIGH, indexBytes == 8 ? readU32(bad + 4) : <u32>(<i32>low >> 31));
  writeU32(error + ERROR_LIMIT, limit);
  writeU32(error + ERROR_STATUS, status);
}

/**
 * Rows as they are: value n of the feature is row indices[first + n], where first is the feature's first position in the piece.
 * A shard that holds all rows touches them a block ahead; otherwise rows of other shards are left alone. Returns 0 or the address of the first bad index.
 */
function gatherRows(job: usize, indices: usize, indexBytes: usize, featureOffsets: usize, firstBag: usize, bags: usize, values: usize): usize {
  const rows = <usize>readU32(job + JOB_ROWS_PTR);
  const stride = <usize>readU32(job + JOB_STRIDE_BYTES);
  const columns = <usize>readU32(job + JOB_COLUMNS);
  const numRows = readU32(job + JOB_NUM_ROWS);
  const firstRow = readU32(job + JOB_FIRST_ROW);
  const rowCount = readU32(job + JOB_ROW_COUNT);
  const rowBytes = <usize>readU32(job + JOB_TABLE_COLUMNS) << 2;
  const origin = readU32(featureOffsets);
  const begin = readU32(featureOffsets + (firstBag << 2));
  const end = readU32(featureOffsets + ((firstBag + bags) << 2));
  let out = values + <usize>(begin - origin) * rowBytes + <usize>readU32(job + JOB_COLUMN_BYTE);
  let q = indices + <usize>begin * indexBytes;
  if (readU32(job + JOB_FORMAT) != ROW_FP32) {
    const bad = gatherDecoded(job, q, indices + <usize>end * indexBytes, indexBytes, out, rowBytes);
    gatheredRows += <f64>decodedRows;
    return bad;
  }
  const qEnd = indices + <usize>end * indexBytes;
  // All of them: resolved indices have numbers behind the rows, of which only held ones come here.
  if (rowCount >= readU32(job + JOB_TABLE_ROWS)) {
    const block = aheadRows(stride);
    for (; q < qEnd; q += block * indexBytes, out += block * rowBytes) {
      const blockEnd = min(q + block * indexBytes, qEnd);
      const bad = touchRows(rows, stride, numRows, q, blockEnd, indexBytes);
      if (bad != 0) return bad;
      copyRows(rows, stride, columns, q, blockEnd, indexBytes, out, rowBytes);
    }
    gatheredRows += <f64>(end - begin);
    return 0;
  }
  let gathered: u32 = 0;
  for (; q < qEnd; q += indexBytes, out += rowBytes) {
    const index = readU32(q);
    if (isOut(q, index, numRows, indexBytes)) return q;
    const row = index - firstRow;
    if (row >= rowCount) continue;
    copyRow(rows + <usize>row * stride, columns, out);
    gathered++;
  }
  gatheredRows += <f64>gathered;
  return 0;
}

/**
 * Pools bags [firstBag, firstBag + bags) of every feature that the piece picks, for jobs [jobs, jobs + jobCount).
 *
 *     for job in jobs: where the piece picks job.feature:
 *       none:     rows to the feature's jagged values
 *       partial:  pooled rows to window + partialByte, counts to window + countsByte, row windowRow on
 *       else:     pooled rows to dest + target + columnByte, a row each destStride bytes
 *
 * scratch: room for the piece's largest feature, n indices: 4n + RESOLVE_LIST_BYTES where indices are no row numbers; and where it is filtered 4(n+1)
 * bytes, 4(bags+1) bytes, and 4(n+1) bytes more with weights.
 * Returns STATUS_OK, or another status with the lowest bad index noted in `error`; other jobs are done all the same.
 */
export function poolPiece(
  jobs: usize, jobCount: usize, piece: usize, firstBag: usize, bags: usize,
  dest: usize, destStride: usize, window: usize, windowRow: usize, scratch: usize, error: usize,
): i32 {
  const batchSize = <usize>readU32(piece + PIECE_BATCH_SIZE);
  const indices = <usize>readU32(piece + PIECE_INDICES_PTR);
  const indexBytes = <usize>readU32(piece + PIECE_INDEX_BYTES);
  const offsets = <usize>readU32(piece + PIECE_OFFSETS_PTR);
  const weights = <usize>readU32(piece + PIECE_WEIGHTS_PTR);
  const featureMap = <usize>readU32(piece + PIECE_FEATURE_MAP_PTR);
  let status = STATUS_OK;
  if (bags == 1) touchFirstRows(jobs, jobCount, featureMap, offsets + (firstBag << 2), batchSize, indices, indexBytes);
  for (let job = jobs, jobsEnd = jobs + jobCount * JOB_BYTES; job < jobsEnd; job += JOB_BYTES) {
    const picked = featureMap + <usize>readU32(job + JOB_FEATURE) * FEATURE_MAP_BYTES;
    const slot = readI32(picked + FEATURE_SLOT);
    if (slot < 0) continue;
    const target = <usize>readU32(picked + FEATURE_TARGET);
    const pooling = readU32(job + JOB_POOLING);
    const featureOffsets = offsets + ((<usize>slot * batchSize) << 2);
    const bagOffsets = featureOffsets + (firstBag << 2);
    const count = readU32(bagOffsets + (bags << 2)) - readU32(bagOffsets);
    const resolving = (readU32(job + JOB_PREPARING) & PREPARE_RESOLVE) != 0;
    let bad: usize = 0;
    if (resolving) {
      bad = resolveJob(job, pooling, indices, indexBytes, featureOffsets, firstBag, weights, bags, count, target, dest, destStride, window, windowRow, scratch);
    } else if (pooling == POOL_NONE) {
      bad = gatherRows(job, indices, indexBytes, featureOffsets, firstBag, bags, target);
    } else {
      bad = poolJob(job, pooling, 0, indices, indexBytes, bagOffsets, weights, bags, count, dest + target, destStride, window, windowRow, scratch);
    }
    if (bad != 0) {
      status = resolving ? STATUS_KEY_MISSING : STATUS_INDEX_RANGE;
      noteBadIndex(error, status, <u32>slot, bad, <u32>((bad - indices) / indexBytes), indexBytes, readU32(job + JOB_TABLE_ROWS));
    }
  }
  return status;
}

/** A job whose indices become rows first: 4 bytes each, in scratch. The rest of scratch is for what comes next. */
function resolveJob(
  job: usize, pooling: u32, indices: usize, indexBytes: usize, featureOffsets: usize, firstBag: usize, weights: usize, bags: usize, count: u32,
  target: usize, dest: usize, destStride: usize, window: usize, windowRow: usize, scratch: usize,
): usize {
  const bagOffsets = featureOffsets + (firstBag << 2);
  const begin = <usize>readU32(bagOffsets);
  const bad = resolveRows(job, indices + begin * indexBytes, indexBytes, count, scratch);
  // As if all rows of the piece were there, so that offsets stay as they are; the address may wrap, the sums do not.
  const rows = scratch - (begin << 2);
  const room = scratch + (<usize>count << 2);
  if (pooling != POOL_NONE) return poolJob(job, pooling, bad, rows, 4, bagOffsets, weights, bags, count, dest + target, destStride, window, windowRow, room);
  return bad != 0 ? bad : gatherRows(job, rows, 4, featureOffsets, firstBag, bags, target);
}

/**
 * One pooled job: compacts the indices where the job asks for it, picks the destination, picks the kernel. Where an index is bad, also
 * if `bad` says so from the start, the job's rows become empty bags, so that nobody who works on with the step sees what lay there before.
 */
function poolJob(
  job: usize, pooling: u32, bad: usize, indices: usize, indexBytes: usize, offsets: usize, weights: usize, bags: usize, count: u32,
  dest: usize, destStride: usize, window: usize, windowRow: usize, scratch: usize,
): usize {
  const columns = <usize>readU32(job + JOB_COLUMNS);
  let out = dest + <usize>readU32(job + JOB_COLUMN_BYTE);
  let counts: usize = 0;
  if (readU32(job + JOB_PARTIAL) != 0) {
    destStride = partialRowBytes(columns);
    out = window + <usize>readU32(job + JOB_PARTIAL_BYTE) + windowRow * destStride;
    counts = window + <usize>readU32(job + JOB_COUNTS_BYTE) + (windowRow << 2);
  }
  let limit = readU32(job + JOB_NUM_ROWS);
  if (bad == 0 && (readU32(job + JOB_PREPARING) & PREPARE_FILTER) != 0) {
    const outOffsets = scratch;
    const outIndices = outOffsets + ((bags + 1) << 2);
    const outWeights = outIndices + ((<usize>count + 1) << 2);
    bad = bucketise(
      indices, indexBytes, offsets, bags, weights,
      limit, readU32(job + JOB_FIRST_ROW), readU32(job + JOB_ROW_COUNT), readU32(job + JOB_PADDING),
      outIndices, outWeights, outOffsets,
    );
    limit = readU32(job + JOB_ROW_COUNT);
    indices = outIndices;
    indexBytes = 4;
    offsets = outOffsets;
    if (weights != 0) weights = outWeights;
    count = readU32(outOffsets + (bags << 2));
  }
  if (bad == 0) {
    gatheredRows += <f64>count;
    const rows = <usize>readU32(job + JOB_ROWS_PTR);
    const stride = <usize>readU32(job + JOB_STRIDE_BYTES);
    if (readU32(job + JOB_FORMAT) != ROW_FP32) {
      bad = poolDecoded(job, pooling, limit, pooling == POOL_MEAN && counts == 0, indices, indexBytes, offsets, weights, bags, out, destStride);
    } else if (pooling == POOL_MAX) {
      bad = poolBags<Max>(rows, stride, columns, limit, false, indices, indexBytes, offsets, 0, bags, out, destStride);
    } else if (weights != 0) {
      bad = poolBags<WeightedSum>(rows, stride, columns, limit, false, indices, indexBytes, offsets, weights, bags, out, destStride);
    } else {
      const mean = pooling == POOL_MEAN && counts == 0;
      bad = poolBags<Sum>(rows, stride, columns, limit, mean, indices, indexBytes, offsets, 0, bags, out, destStride);
    }
  }
  if (counts == 0 && bad == 0) return 0;
  for (let b: usize = 0; b < bags; b++) {
    if (counts != 0) writeU32(counts + (b << 2), bad != 0 ? 0 : readU32(offsets + ((b + 1) << 2)) - readU32(offsets + (b << 2)));
    if (bad != 0) clearRow(out + b * destStride, columns);
  }
  return bad;
}
