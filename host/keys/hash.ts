import { optionError } from "./option-error.js";

const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;
const MAX_ROWS = 2 ** 31 - 1;

function bits64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** The first output of SplitMix64 seeded with the key: the unsigned 64-bit hash of everything that lagbag hashes; assembly/keys.ts has the same. */
function mix(key: bigint): bigint {
  let hash = bits64(key + 0x9e3779b97f4a7c15n);
  hash = bits64((hash ^ (hash >> 30n)) * 0xbf58476d1ce4e5b9n);
  hash = bits64((hash ^ (hash >> 27n)) * 0x94d049bb133111ebn);
  return hash ^ (hash >> 31n);
}

/** floor(mix(key) * count / 2^64): what lookups on tables with indexing "hash" use, and with key ^ seed the home bucket of a key. */
export function hashTo(key: bigint, count: number): number {
  return Number((mix(key) * BigInt(count)) >> 64n);
}

/**
 * The row that a key has in a table with indexing "hash", for whoever fills such tables:
 *
 *     row = floor(splitmix64(key) * numRows / 2^64)      splitmix64: its first output when it is seeded with the key
 *
 * key: a 64-bit signed integer, as bigint or as safe number; numRows: 1 to 2^31 - 1.
 * @throws EmbeddingError EMBEDDING_OPTIONS
 */
export function hashToRow(key: bigint | number, numRows: number): number {
  if (!Number.isInteger(numRows) || numRows < 1 || numRows > MAX_ROWS) {
    throw optionError("numRows", { got: numRows, expected: `an integer from 1 to ${MAX_ROWS}` });
  }
  return hashTo(toKey("key", key), numRows);
}

/**
 * A key as a bigint.
 * @throws EmbeddingError EMBEDDING_OPTIONS naming `option`
 */
export function toKey(option: string, value: unknown): bigint {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "bigint" && value >= LOWEST && value <= HIGHEST) return value;
  throw optionError(option, { got: value, expected: "a 64-bit signed integer, as a bigint or a safe number" });
}
