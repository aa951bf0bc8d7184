/**
 * Indices to rows, for tables whose indices are no row numbers: keys, modulo, hash. What a touch loads is dropped: a load may trap, so no
 * compiler leaves it out.
 */
import {
  INDEX_BUCKET_COUNT, INDEX_SEED, BUCKET_META,
  JOB_FIRST_ROW, JOB_KEYS_PTR, JOB_PADDING, JOB_PADDING_KEY, JOB_REFUSE_MISSING, JOB_RESOLVING, JOB_ROW_COUNT, JOB_ROWS_PTR,
  JOB_STRIDE_BYTES, JOB_TABLE_ROWS,
  NO_PADDING, RESOLVE_HASH, RESOLVE_KEYS, RESOLVE_LIST_BYTES,
} from "./abi";
import { readI32, readI64, readU32, writeU32 } from "./exchange";
import { filterBit, findFrom, homeBucket, matches, mix, nextBucket, NO_ROW, reduce, rowOf } from "./keys";

/** Keys whose buckets are touched before the first of them is searched: enough to cover memory latency, few enough to stay in the cache. */
const BLOCK: usize = RESOLVE_LIST_BYTES >> 2;

/** The index at q, 32-bit ones sign-extended. */
// @ts-ignore: decorator
@inline
function indexAt<Index>(q: usize): i64 {
  if (sizeof<Index>() == 8) return readI64(q);
  return <i64>readI32(q);
}

/** index mod count, never negative. */
// @ts-ignore: decorator
@inline
function floorModulo(index: i64, count: u32): u32 {
  if (<u64>index <= 0xffffffff) return <u32>index % count;
  const rest = index % <i64>count;
  return <u32>(rest < 0 ? rest + <i64>count : rest);
}

/**
 * Writes the row of each of count indices at q to out, 4 bytes each. What a job asks for:
 *
 *     padding:  index == padding key -> JOB_PADDING, the number of no row
 *     modulo:   index mod rows of the table, not negative
 *     hash:     reduce(mix(index), rows of the table)
 *     keys:     the key's row; not there: the row behind the last, or, where missing keys are refused, stop
 *
 * q and out in the exchange memory; out has room for RESOLVE_LIST_BYTES more; indexBytes: 4 or 8. Returns 0, or the address of the first key that is refused.
 */
export function resolveRows(job: usize, q: usize, indexBytes: usize, count: u32, out: usize): usize {
  const keyed = readU32(job + JOB_RESOLVING) == RESOLVE_KEYS;
  if (indexBytes == 8) return keyed ? findRows<i64>(job, q, count, out) : computeRows<i64>(job, q, count, out);
  return keyed ? findRows<i32>(job, q, count, out) : computeRows<i32>(job, q, count, out);
}

function computeRows<Index>(job: usize, q: usize, count: u32, out: usize): usize {
  const hashed = readU32(job + JOB_RESOLVING) == RESOLVE_HASH;
  const rows = readU32(job + JOB_TABLE_ROWS);
  const padding = readU32(job + JOB_PADDING);
  const paddingKey = readI64(job + JOB_PADDING_KEY);
  for (const end = out + (<usize>count << 2); out < end; out += 4, q += sizeof<Index>()) {
    const index = indexAt<Index>(q);
    const row = hashed ? reduce(mix(index), rows) : floorModulo(index, rows);
    writeU32(out, padding != NO_PADDING && index == paddingKey ? padding : row);
  }
  return 0;
}

/**
 * In blocks, so that misses overlap: all home buckets of a block are touched, in a loop so short that many misses are under way at once, then
 * searched. Keys that may lie further on wait in a list behind the rows, the next bucket touched, until the others have been searched.
 */
function findRows<Index>(job: usize, q: usize, count: u32, out: usize): usize {
  const index = <usize>readU32(job + JOB_KEYS_PTR);
  const missing = readU32(job + JOB_TABLE_ROWS);
  const settles = readU32(job + JOB_REFUSE_MISSING) != 0 || readU32(job + JOB_PADDING) != NO_PADDING;
  const list = out + (<usize>count << 2);
  while (out < list) {
    const end = min(out + (BLOCK << 2), list);
    touchHomes<Index>(index, q, out, end);
    const listEnd = searchHomes<Index>(index, missing, q, out, end, list);
    searchFurther<Index>(index, missing, q, out, list, listEnd);
    if (settles) {
      const bad = settle<Index>(job, missing, q, out, end);
      if (bad != 0) return bad;
    }
    q += ((end - out) >> 2) * sizeof<Index>();
    out = end;
  }
  return 0;
}

/** Writes the home bucket of each key to out, and touches it. */
function touchHomes<Index>(index: usize, q: usize, out: usize, end: usize): void {
  const bucketCount = load<u32>(index, INDEX_BUCKET_COUNT);
  const seed = load<i64>(index, INDEX_SEED);
  for (; out < end; out += 4, q += sizeof<Index>()) {
    const bucket = homeBucket(index, mix(indexAt<Index>(q) ^ seed), bucketCount);
    writeU32(out, <u32>bucket);
    load<u32>(bucket, BUCKET_META);
  }
}

/**
 * Writes over each home bucket the row of the key there, or `missing`. Of a key that may lie further on it writes the next bucket, and
 * its place within the block to the list. Returns the list's end.
 */
function searchHomes<Index>(index: usize, missing: u32, q: usize, out: usize, end: usize, list: usize): usize {
  const bucketCount = load<u32>(index, INDEX_BUCKET_COUNT);
  const seed = load<i64>(index, INDEX_SEED);
  for (let at = out; at < end; at += 4, q += sizeof<Index>()) {
    const key = indexAt<Index>(q);
    const bucket = <usize>readU32(at);
    const meta = load<u32>(bucket, BUCKET_META);
    const found = matches(bucket, key, meta);
    if (found != 0) {
      writeU32(at, rowOf(bucket, found));
    } else if ((meta & filterBit(mix(key ^ seed))) == 0) {
      writeU32(at, missing);
    } else {
      const next = nextBucket(index, bucketCount, bucket);
      load<u32>(next, BUCKET_META);
      writeU32(at, <u32>next);
      writeU32(list, <u32>(at - out) >> 2);
      list += 4;
    }
  }
  return list;
}

/** Searches the keys of the list from the buckets on that searchHomes has left. */
function searchFurther<Index>(index: usize, missing: u32, q: usize, out: usize, list: usize, listEnd: usize): void {
  const bucketCount = load<u32>(index, INDEX_BUCKET_COUNT);
  const seed = load<i64>(index, INDEX_SEED);
  for (; list < listEnd; list += 4) {
    const n = <usize>readU32(list);
    const key = indexAt<Index>(q + n * sizeof<Index>());
    const row = findFrom(index, bucketCount, <usize>readU32(out + (n << 2)), key, filterBit(mix(key ^ seed)));
    writeU32(out + (n << 2), row == NO_ROW ? missing : row);
  }
}

/** Gives padding its number. Returns the address of the first other key that is missing, if such are refused, else 0. */
function settle<Index>(job: usize, missing: u32, q: usize, out: usize, end: usize): usize {
  const refuse = readU32(job + JOB_REFUSE_MISSING) != 0;
  const padding = readU32(job + JOB_PADDING);
  const paddingKey = readI64(job + JOB_PADDING_KEY);
  for (; out < end; out += 4, q += sizeof<Index>()) {
    if (padding != NO_PADDING && indexAt<Index>(q) == paddingKey) writeU32(out, padding);
    else if (refuse && readU32(out) == missing) return q;
  }
  return 0;
}

/** Touches the home bucket of the key at q: a hint. */
export function touchKey(job: usize, q: usize, indexBytes: usize): void {
  const index = <usize>readU32(job + JOB_KEYS_PTR);
  const hash = mix(anyIndexAt(q, indexBytes) ^ load<i64>(index, INDEX_SEED));
  load<u32>(homeBucket(index, hash, load<u32>(index, INDEX_BUCKET_COUNT)), BUCKET_META);
}

/** Touches the row that the index at q stands for, if the job's shard holds it: a hint. */
export function touchRowOf(job: usize, q: usize, indexBytes: usize): void {
  const index = anyIndexAt(q, indexBytes);
  const tableRows = readU32(job + JOB_TABLE_ROWS);
  const resolving = readU32(job + JOB_RESOLVING);
  let row: u32;
  if (resolving == RESOLVE_KEYS) {
    const keys = <usize>readU32(job + JOB_KEYS_PTR);
    const bucketCount = load<u32>(keys, INDEX_BUCKET_COUNT);
    const hash = mix(index ^ load<i64>(keys, INDEX_SEED));
    row = min(findFrom(keys, bucketCount, homeBucket(keys, hash, bucketCount), index, filterBit(hash)), tableRows);
  } else {
    row = resolving == RESOLVE_HASH ? reduce(mix(index), tableRows) : floorModulo(index, tableRows);
  }
  row -= readU32(job + JOB_FIRST_ROW);
  if (row < readU32(job + JOB_ROW_COUNT)) {
    load<u32>(<usize>readU32(job + JOB_ROWS_PTR) + <usize>row * <usize>readU32(job + JOB_STRIDE_BYTES));
  }
}

function anyIndexAt(q: usize, indexBytes: usize): i64 {
  return indexBytes == 8 ? readI64(q) : <i64>readI32(q);
}
