/** Touches ahead of a lookup of one sample. */
import {
  FEATURE_MAP_BYTES, FEATURE_SLOT,
  JOB_BYTES, JOB_FEATURE, JOB_NUM_ROWS, JOB_RESOLVING, JOB_ROW_COUNT, JOB_ROWS_PTR, JOB_STRIDE_BYTES,
  RESOLVE_KEYS, RESOLVE_ROW,
} from "./abi";
import { readI32, readU32 } from "./exchange";
import { touchRow } from "./gather";
import { touchKey, touchRowOf } from "./resolve";

/**
 * One sample of many features is one bag a job: no job has rows ahead to touch, and each would wait for its own. So all first rows
 * are touched before. Jobs of row shards are left out: whether they hold the row is not known yet. Where an index becomes a row first, that
 * is done in two rounds of their own.
 */
export function touchFirstRows(jobs: usize, jobCount: usize, featureMap: usize, bagOffsets: usize, batchSize: usize, indices: usize, indexBytes: usize): void {
  let others = false;
  const end = jobs + jobCount * JOB_BYTES;
  for (let job = jobs; job < end; job += JOB_BYTES) {
    const slot = readI32(featureMap + <usize>readU32(job + JOB_FEATURE) * FEATURE_MAP_BYTES + FEATURE_SLOT);
    const limit = readU32(job + JOB_NUM_ROWS);
    if (slot < 0) continue;
    // Resolved indices have numbers behind the rows, so these jobs are among the others.
    if (readU32(job + JOB_ROW_COUNT) != limit) {
      others = true;
      continue;
    }
    const offset = bagOffsets + ((<usize>slot * batchSize) << 2);
    const position = readU32(offset);
    if (position == readU32(offset + 4)) continue;
    touchRow(<usize>readU32(job + JOB_ROWS_PTR), <usize>readU32(job + JOB_STRIDE_BYTES), limit, indices + <usize>position * indexBytes);
  }
  if (!others) return;
  touchResolved<Buckets>(jobs, end, featureMap, bagOffsets, batchSize, indices, indexBytes);
  touchResolved<Rows>(jobs, end, featureMap, bagOffsets, batchSize, indices, indexBytes);
}

// What a round touches, as a type.
type Buckets = u8;
type Rows = u16;

/** Touches the buckets of the first keys, or the rows that first indices stand for. */
function touchResolved<What>(jobs: usize, end: usize, featureMap: usize, bagOffsets: usize, batchSize: usize, indices: usize, indexBytes: usize): void {
  for (let job = jobs; job < end; job += JOB_BYTES) {
    const resolving = readU32(job + JOB_RESOLVING);
    const slot = readI32(featureMap + <usize>readU32(job + JOB_FEATURE) * FEATURE_MAP_BYTES + FEATURE_SLOT);
    if (slot < 0 || resolving == RESOLVE_ROW || (sizeof<What>() == sizeof<Buckets>() && resolving != RESOLVE_KEYS)) continue;
    const offset = bagOffsets + ((<usize>slot * batchSize) << 2);
    const position = readU32(offset);
    if (position == readU32(offset + 4)) continue;
    const q = indices + <usize>position * indexBytes;
    if (sizeof<What>() == sizeof<Buckets>()) touchKey(job, q, indexBytes);
    else touchRowOf(job, q, indexBytes);
  }
}
