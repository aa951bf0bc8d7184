/**
 * The key index of a table: 64-bit external key -> row, in the tables memory of every rank that holds a part of the table. Written while
 * loading, read-only afterwards: any thread may read it.
 *
 *     header, a cache line                       bucket, a cache line: up to 5 keys and their rows
 *     +-------------+-----+---------------+      +------+------+------+------+------+------+-- --+------+--------------+
 *     | bucketCount |  -  | seed, 8 bytes |      | key0 | key1 | key2 | key3 | key4 | row0 | ... | row4 | count, passed|
 *     +-------------+-----+---------------+      +------+------+------+------+------+------+-- --+------+--------------+
 *     0             4     8              16      0      8      16     24     32     40     44    56     60            64
 *
 * A key belongs into bucket reduce(mix(key ^ seed), bucketCount), or, while that is full, into the next one, after the last the first.
 * count: bits 0 to 2 of the last word. passed: its other 29 bits are a filter of the keys that went past this bucket because it was
 * full; each sets the bit that its hash chooses. So a search ends at the first bucket whose filter lacks the key's bit, mostly the first
 * one, and every 64-bit value is a key: emptiness is in the count. There is always a bucket that is not full, which none has passed.
 */
import { INDEX_BUCKETS, INDEX_BUCKET_COUNT, INDEX_SEED, BUCKET_BYTES, BUCKET_KEYS, BUCKET_META, BUCKET_ROWS } from "./abi";
import { readI64 } from "./exchange";

/** What findFrom and findKey say of a key that is not there; no row has this number. */
export const NO_ROW: u32 = 0xffffffff;

/** Keys whose buckets are touched ahead of their insertion: their misses overlap. */
const INSERT_BLOCK: usize = 64;
const COUNT_MASK: u32 = 7;
const FILTER_BITS: u64 = 29;
const FILTER_SHIFT: u32 = 3;

/** The first output of SplitMix64 (Steele, Lea, Flood 2014) seeded with the key: a bijection whose bits all depend on all bits of the key. */
// @ts-ignore: decorator
@inline
export function mix(key: i64): u64 {
  let h = <u64>key + 0x9e3779b97f4a7c15;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
  h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
  return h ^ (h >> 31);
}

/** floor(hash * count / 2^64): from 0 to count - 1, each as likely as the others. */
// @ts-ignore: decorator
@inline
export function reduce(hash: u64, count: u32): u32 {
  return <u32>(((hash >> 32) * <u64>count + (((hash & 0xffffffff) * <u64>count) >> 32)) >> 32);
}

/** The bucket that a hash belongs into. */
// @ts-ignore: decorator
@inline
export function homeBucket(index: usize, hash: u64, bucketCount: u32): usize {
  return index + INDEX_BUCKETS + <usize>reduce(hash, bucketCount) * BUCKET_BYTES;
}

/** The bit of a bucket's filter that a hash chooses, by bits that say little about the bucket. */
// @ts-ignore: decorator
@inline
export function filterBit(hash: u64): u32 {
  return 1 << (FILTER_SHIFT + <u32>(((hash & 0xffffffff) * FILTER_BITS) >> 32));
}

/** A bit for each of the bucket's keys that is `key`. */
// @ts-ignore: decorator
@inline
export function matches(bucket: usize, key: i64, meta: u32): u32 {
  const all = i64x2.splat(key);
  const equal =
    <u32>i64x2.bitmask(i64x2.eq(v128.load(bucket), all)) |
    (<u32>i64x2.bitmask(i64x2.eq(v128.load(bucket, 16), all)) << 2) |
    (<u32>(load<i64>(bucket, 32) == key) << 4);
  return equal & ((1 << (meta & COUNT_MASK)) - 1);
}

/** The row of the key that matches in a bucket. */
// @ts-ignore: decorator
@inline
export function rowOf(bucket: usize, found: u32): u32 {
  return load<u32>(bucket + (<usize>ctz(found) << 2), BUCKET_ROWS);
}

/** The bucket behind `bucket`. */
// @ts-ignore: decorator
@inline
export function nextBucket(index: usize, bucketCount: u32, bucket: usize): usize {
  const next = bucket + BUCKET_BYTES;
  return next == index + INDEX_BUCKETS + <usize>bucketCount * BUCKET_BYTES ? index + INDEX_BUCKETS : next;
}

/** The row of a key that lies in `bucket` or further on, or NO_ROW. bit: what its hash chooses of the filters. */
export function findFrom(index: usize, bucketCount: u32, bucket: usize, key: i64, bit: u32): u32 {
  while (true) {
    const meta = load<u32>(bucket, BUCKET_META);
    const found = matches(bucket, key, meta);
    if (found != 0) return rowOf(bucket, found);
    if ((meta & bit) == 0) return NO_ROW;
    bucket = nextBucket(index, bucketCount, bucket);
  }
}

/** The row of the key at `q` in the exchange memory, or NO_ROW. For the host. */
export function findKey(index: usize, q: usize): u32 {
  const key = readI64(q);
  const hash = mix(key ^ load<i64>(index, INDEX_SEED));
  const bucketCount = load<u32>(index, INDEX_BUCKET_COUNT);
  return findFrom(index, bucketCount, homeBucket(index, hash, bucketCount), key, filterBit(hash));
}

/**
 * Enters count keys, which lie in the exchange memory, as rows firstRow, firstRow + 1, ...
 *
 *     for n in 0 .. count: if the key is there, or none of maxBuckets buckets from its home on has room: return n; else enter it
 *
 * The header is written, the buckets have been zeros, and they have room for one key more than will ever be entered.
 * Returns the number of keys that were entered: less than count, if the next is there already (findKey tells its row) or too far away.
 */
export function insertKeys(index: usize, keys: usize, count: u32, firstRow: u32, maxBuckets: u32): u32 {
  const bucketCount = load<u32>(index, INDEX_BUCKET_COUNT);
  const seed = load<i64>(index, INDEX_SEED);
  const keysEnd = keys + (<usize>count << 3);
  let row = firstRow;
  for (let q = keys; q < keysEnd; ) {
    const blockEnd = min(q + (INSERT_BLOCK << 3), keysEnd);
    for (let p = q; p < blockEnd; p += 8) load<u32>(homeBucket(index, mix(readI64(p) ^ seed), bucketCount), BUCKET_META);
    for (; q < blockEnd; q += 8, row++) {
      if (!insertKey(index, bucketCount, readI64(q), seed, row, maxBuckets)) return row - firstRow;
    }
  }
  return count;
}

function insertKey(index: usize, bucketCount: u32, key: i64, seed: i64, row: u32, maxBuckets: u32): bool {
  const hash = mix(key ^ seed);
  const bit = filterBit(hash);
  let bucket = homeBucket(index, hash, bucketCount);
  // Behind a bucket that no key with this bit has passed the key cannot be.
  let possible = true;
  for (let n: u32 = 0; n < maxBuckets; n++) {
    const meta = load<u32>(bucket, BUCKET_META);
    const count = meta & COUNT_MASK;
    if (possible && matches(bucket, key, meta) != 0) return false;
    if (count < BUCKET_KEYS) {
      store<i64>(bucket + (<usize>count << 3), key);
      store<u32>(bucket + (<usize>count << 2), row, BUCKET_ROWS);
      store<u32>(bucket, meta + 1, BUCKET_META);
      return true;
    }
    possible = possible && (meta & bit) != 0;
    store<u32>(bucket, meta | bit, BUCKET_META);
    bucket = nextBucket(index, bucketCount, bucket);
  }
  return false;
}
