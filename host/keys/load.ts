import { randomBytes } from "node:crypto";
import { EmbeddingError } from "../errors.js";
import { type KernelExports, LAYOUT } from "../memory/abi.js";
import type { WasmMemory } from "../memory/wasm.js";
import type { AnyTableOptions, KeySource } from "../options.js";
import { keyBuckets, keyIndexBytes } from "../plan/key-index.js";
import { keyCountError } from "./check.js";
import { optionError } from "./option-error.js";

/** Keys that are handed to the kernel at once: 128 KiB stay in a second-level cache. */
const CHUNK_KEYS = 16384;
/**
 * A key that finds no room in this many buckets from its home on is one of a flood: keys chosen so that their hashes collide. Of random
 * keys the farthest of 50 million lies 80 buckets away.
 */
const MAX_BUCKETS = 256;
const NO_ROW = 0xffff_ffff;

/** A tables memory that holds the index, and the index's place there. */
export interface IndexPlace {
  memory: WasmMemory;
  kernel: KernelExports;
  ptr: number;
}

/** A table that has keys. */
export type KeyedTable = Pick<AnyTableOptions, "name" | "numRows"> & { keys: KeySource };

/** Where a table's keys go. */
export interface KeyTarget {
  /** All memories that hold the index, at least one: the first is filled, the others are copies. */
  places: readonly IndexPlace[];
  /** The exchange memory, and an address on a cache line with `LOAD_BYTES` behind it that nobody uses. */
  exchange: WasmMemory;
  scratchPtr: number;
}

/** Bytes of the exchange memory that loading keys needs. */
export const LOAD_BYTES = CHUNK_KEYS * 8;

/** Enters keys into an index, which begins with zeros. */
class IndexWriter {
  readonly #table: KeyedTable;
  readonly #place: IndexPlace;
  readonly #scratchPtr: number;
  readonly #scratch: BigInt64Array;
  #entered = 0;
  /** The first index is made with the same seed on every run. */
  #maxBuckets = MAX_BUCKETS;

  constructor(table: KeyedTable, target: KeyTarget) {
    this.#table = table;
    this.#place = target.places[0];
    this.#scratchPtr = target.scratchPtr;
    this.#scratch = new BigInt64Array(target.exchange.buffer, target.scratchPtr, CHUNK_KEYS);
    this.#writeHeader(0n);
  }

  get entered(): number {
    return this.#entered;
  }

  push(chunk: BigInt64Array): void {
    const { numRows, name } = this.#table;
    if (this.#entered + chunk.length > numRows) throw keyCountError(name, `at least ${this.#entered + chunk.length}`, numRows);
    for (let at = 0; at < chunk.length; at += CHUNK_KEYS) this.#enter(chunk.subarray(at, at + CHUNK_KEYS));
  }

  #enter(keys: BigInt64Array): void {
    const { kernel, ptr } = this.#place;
    this.#scratch.set(keys);
    let entered = kernel.insertKeys(ptr, this.#scratchPtr, keys.length, this.#entered, this.#maxBuckets) >>> 0;
    while (entered < keys.length) {
      const row = kernel.findKey(ptr, this.#scratchPtr + entered * 8) >>> 0;
      if (row !== NO_ROW) throw duplicateError(this.#table.name, keys[entered], [row, this.#entered + entered]);
      this.#reseed(this.#entered + entered);
      this.#scratch.set(keys);
      entered +=
        kernel.insertKeys(ptr, this.#scratchPtr + entered * 8, keys.length - entered, this.#entered + entered, this.#maxBuckets) >>> 0;
    }
    this.#entered += keys.length;
  }

  /**
   * Makes the index anew with a seed that nobody could know, from the `count` keys in it. Floods collide no more; which bucket a key is in
   * changes no result. Once is enough: from then on no distance is too far.
   */
  #reseed(count: number): void {
    const { kernel, ptr } = this.#place;
    const keys = readKeys(this.#place, this.#table.numRows, count);
    this.#maxBuckets = keyBuckets(this.#table.numRows);
    new Uint8Array(this.#place.memory.buffer, ptr, keyIndexBytes(this.#table.numRows)).fill(0);
    this.#writeHeader(randomBytes(8).readBigInt64LE());
    for (let at = 0; at < count; at += CHUNK_KEYS) {
      const part = keys.subarray(at, at + CHUNK_KEYS);
      this.#scratch.set(part);
      kernel.insertKeys(ptr, this.#scratchPtr, part.length, at, this.#maxBuckets);
    }
  }

  #writeHeader(seed: bigint): void {
    const { memory, ptr } = this.#place;
    const header = new DataView(memory.buffer, ptr, LAYOUT.INDEX_BUCKETS);
    header.setUint32(LAYOUT.INDEX_BUCKET_COUNT, keyBuckets(this.#table.numRows), true);
    header.setBigInt64(LAYOUT.INDEX_SEED, seed, true);
  }
}

/** The keys that are in an index, by row: the first `count` of them. */
function readKeys({ memory, ptr }: IndexPlace, numKeys: number, count: number): BigInt64Array {
  const keys = new BigInt64Array(count);
  const view = new DataView(memory.buffer, ptr, keyIndexBytes(numKeys));
  for (let bucket = LAYOUT.INDEX_BUCKETS; bucket < view.byteLength; bucket += LAYOUT.BUCKET_BYTES) {
    for (let n = 0; n < keysOfBucket(view, bucket); n += 1) {
      keys[view.getUint32(bucket + LAYOUT.BUCKET_ROWS + n * 4, true)] = view.getBigInt64(bucket + n * 8, true);
    }
  }
  return keys;
}

function keysOfBucket(view: DataView, bucket: number): number {
  return view.getUint32(bucket + LAYOUT.BUCKET_META, true) & 7;
}

/** A key of the index, another one for every `random`, an integer from 0 to 2^32 - 1. */
export function anyKey({ memory, ptr }: Pick<IndexPlace, "memory" | "ptr">, random: number): bigint {
  const buckets = new DataView(memory.buffer, ptr, LAYOUT.INDEX_BUCKETS).getUint32(LAYOUT.INDEX_BUCKET_COUNT, true);
  const view = new DataView(memory.buffer, ptr + LAYOUT.INDEX_BUCKETS, buckets * LAYOUT.BUCKET_BYTES);
  for (let n = random % buckets; ; n = (n + 1) % buckets) {
    const count = keysOfBucket(view, n * LAYOUT.BUCKET_BYTES);
    if (count > 0) return view.getBigInt64(n * LAYOUT.BUCKET_BYTES + (random % count) * 8, true);
  }
}

function duplicateError(name: string, key: bigint, rows: [first: number, second: number]): EmbeddingError {
  const [first, second] = rows;
  const message = `table ${JSON.stringify(name)}: key ${key} comes twice, as row ${first} and as row ${second}; expected each key once`;
  return new EmbeddingError("EMBEDDING_KEYS", message, { table: name, got: key, position: second, expected: "each key once" });
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** The chunks of a key source. */
function chunksOf(keys: KeySource, name: string): Iterable<BigInt64Array> | AsyncIterable<BigInt64Array> {
  if (tagOf(keys) === "BigInt64Array") return [keys as BigInt64Array];
  // Other typed arrays are iterables, too: of numbers, which are no chunks.
  if (!ArrayBuffer.isView(keys) && (Symbol.asyncIterator in keys || Symbol.iterator in keys)) return keys as Iterable<BigInt64Array>;
  const expected = "a BigInt64Array, or an iterable or async iterable of them";
  throw new EmbeddingError("EMBEDDING_KEYS", `table ${JSON.stringify(name)}: keys: got ${tagOf(keys)}, expected ${expected}`, {
    table: name,
    got: tagOf(keys),
    expected,
  });
}

/** What a source's chunks go through: in turn `push` each, then `end`; what was thrown meanwhile is to be thrown as `failure`. */
interface KeyPump {
  chunks: Iterable<unknown> | AsyncIterable<unknown>;
  push(chunk: unknown): void;
  /** The source has no more: has it given all? Copies the index to the other memories that hold it. */
  end(): void;
  failure(cause: unknown): EmbeddingError;
}

function pumpOf(table: KeyedTable, { places, ...target }: KeyTarget): KeyPump {
  const { name, numRows, keys } = table;
  const quoted = JSON.stringify(name);
  const writer = new IndexWriter(table, { places, ...target });
  return {
    chunks: chunksOf(keys, name),
    push: (chunk) => {
      if (tagOf(chunk) !== "BigInt64Array") {
        const message = `table ${quoted}: keys gave a chunk of type ${tagOf(chunk)}, expected BigInt64Array`;
        throw new EmbeddingError("EMBEDDING_KEYS", message, { table: name, got: tagOf(chunk), expected: "BigInt64Array" });
      }
      writer.push(chunk as BigInt64Array);
    },
    end: () => {
      if (writer.entered !== numRows) throw keyCountError(name, writer.entered, numRows);
      const [first, ...copies] = places;
      const bytes = keyIndexBytes(numRows);
      const index = new Uint8Array(first.memory.buffer, first.ptr, bytes);
      for (const { memory, ptr } of copies) new Uint8Array(memory.buffer, ptr, bytes).set(index);
    },
    failure: (cause) => {
      if (cause instanceof EmbeddingError) return cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      const message = `table ${quoted}: keys failed after ${writer.entered} of ${numRows}: ${text}`;
      return new EmbeddingError("EMBEDDING_KEYS", message, { table: name, cause });
    },
  };
}

/**
 * Streams a table's keys into its index. Besides the index one chunk is in memory; the index of a flood is rebuilt from a copy of its keys.
 * @throws (rejects) EmbeddingError EMBEDDING_KEYS when there are too many, too few, one twice, or a chunk is no BigInt64Array; errors of
 *   the source as `cause`
 */
export async function loadKeys(table: KeyedTable, target: KeyTarget): Promise<void> {
  const pump = pumpOf(table, target);
  try {
    for await (const chunk of pump.chunks) pump.push(chunk);
    pump.end();
  } catch (cause) {
    throw pump.failure(cause);
  }
}

/**
 * As loadKeys, without waiting for anything.
 * @throws EmbeddingError as loadKeys; EMBEDDING_OPTIONS for an async iterable
 */
export function loadKeysSync(table: KeyedTable, target: KeyTarget): void {
  const pump = pumpOf(table, target);
  if (!(Symbol.iterator in pump.chunks)) {
    const expected = "keys that are read without waiting: a BigInt64Array, or an iterable of them";
    throw optionError(`table ${JSON.stringify(table.name)}: keys`, { got: "an async iterable", expected, table: table.name });
  }
  try {
    for (const chunk of pump.chunks) pump.push(chunk);
    pump.end();
  } catch (cause) {
    throw pump.failure(cause);
  }
}
