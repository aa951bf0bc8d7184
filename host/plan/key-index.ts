/** Bytes of a bucket of a key index, and of its header. */
const CACHE_LINE_BYTES = 64;
/** Keys that a bucket has room for; drawn in assembly/keys.ts. */
export const BUCKET_KEYS = 5;
/** Four keys for each of five places: at most 16 bytes a key. */
const KEYS_A_BUCKET = 4;

/** Buckets of the index of `numKeys` keys. One place more than there are keys at least, and none more than 16 bytes a key pay for, header included. */
export function keyBuckets(numKeys: number): number {
  return Math.max(Math.ceil((numKeys + 1) / BUCKET_KEYS), Math.floor(numKeys / KEYS_A_BUCKET) - 1);
}

/** Bytes of the index of `numKeys` keys, header included: at most 16 a key from 36 keys on. */
export function keyIndexBytes(numKeys: number): number {
  return (1 + keyBuckets(numKeys)) * CACHE_LINE_BYTES;
}
