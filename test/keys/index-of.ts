/** Key indexes in memories of their own, without an engine. */
import { hashTo } from "#host/keys/hash.js";
import { LOAD_BYTES, loadKeys } from "#host/keys/load.js";
import { type KernelExports, LAYOUT, STATIC_BYTES } from "#host/memory/abi.js";
import { createMemory, instantiateKernel, loadKernel, type MemoryMode } from "#host/memory/kernel.js";
import type { KeySource } from "#host/options.js";
import { keyBuckets, keyIndexBytes } from "#host/plan/key-index.js";

const WORD = 2n ** 64n - 1n;

export type Memory = ReturnType<typeof createMemory>;

/** An index that was loaded. */
export interface LoadedIndex {
  memory: Memory;
  exchange: Memory;
  kernel: KernelExports;
  ptr: number;
  scratchPtr: number;
  numKeys: number;
}

/** Loads keys as openEngine does. copies: memories that get a copy. */
export async function loadIndex(
  mode: MemoryMode,
  source: { numKeys: number; keys: KeySource; copies?: readonly Memory[] },
): Promise<LoadedIndex> {
  const { numKeys, keys, copies = [] } = source;
  const ptr = STATIC_BYTES;
  const memory = createMemory(ptr + keyIndexBytes(numKeys) + (mode === "one" ? LOAD_BYTES : 0));
  const exchange = mode === "one" ? memory : createMemory(STATIC_BYTES + LOAD_BYTES);
  const scratchPtr = mode === "one" ? ptr + keyIndexBytes(numKeys) : STATIC_BYTES;
  const kernel = instantiateKernel(loadKernel(mode), memory, exchange);
  const table = { name: "t", numRows: numKeys, dim: 1, rows: new Float32Array(numKeys) };
  const places = [memory, ...copies].map((one) => ({ memory: one, kernel, ptr }));
  await loadKeys({ ...table, keys }, { places, exchange, scratchPtr });
  return { memory, exchange, kernel, ptr, scratchPtr, numKeys };
}

/** The row that the kernel finds for a key, or undefined. */
export function find({ kernel, exchange, ptr, scratchPtr }: LoadedIndex, key: bigint): number | undefined {
  new BigInt64Array(exchange.buffer, scratchPtr, 1)[0] = key;
  const row = kernel.findKey(ptr, scratchPtr) >>> 0;
  return row === 0xffff_ffff ? undefined : row;
}

export function seedOf({ memory, ptr }: LoadedIndex): bigint {
  return new DataView(memory.buffer).getBigInt64(ptr + LAYOUT.INDEX_SEED, true);
}

/** How many buckets from their homes on the keys of an index lie: 0 is at home. keys: how many there are; farthest, mean: of all of them. */
export function distances(index: LoadedIndex): { keys: number; atHome: number; farthest: number; mean: number } {
  const { memory, ptr, numKeys } = index;
  const view = new DataView(memory.buffer, ptr, keyIndexBytes(numKeys));
  const buckets = keyBuckets(numKeys);
  const seed = seedOf(index);
  const found = { keys: 0, atHome: 0, farthest: 0, mean: 0 };
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const at = LAYOUT.INDEX_BUCKETS + bucket * LAYOUT.BUCKET_BYTES;
    const count = view.getUint32(at + LAYOUT.BUCKET_META, true) & 7;
    for (let n = 0; n < count; n += 1) {
      const home = hashTo(view.getBigInt64(at + n * 8, true) ^ seed, buckets);
      const distance = (bucket - home + buckets) % buckets;
      found.keys += 1;
      found.atHome += distance === 0 ? 1 : 0;
      found.farthest = Math.max(found.farthest, distance);
      found.mean += distance / numKeys;
    }
  }
  return found;
}

/** The key whose hash is `hash`: undoes SplitMix64's steps, last first. */
export function keyOfHash(hash: bigint): bigint {
  const undoShift = (value: bigint, shift: bigint): bigint => {
    let undone = value;
    for (let n = 0; n < 64; n += Number(shift)) undone = value ^ (undone >> shift);
    return undone;
  };
  const times = (value: bigint, factor: bigint): bigint => (value * inverse(factor)) & WORD;
  let key = times(undoShift(hash, 31n), 0x94d049bb133111ebn);
  key = times(undoShift(key, 27n), 0xbf58476d1ce4e5b9n);
  return BigInt.asIntN(64, undoShift(key, 30n) - 0x9e3779b97f4a7c15n);
}

/** 1 / factor modulo 2^64, of an odd factor, by Newton's steps. */
function inverse(factor: bigint): bigint {
  let result = factor;
  for (let n = 0; n < 6; n += 1) result = (result * (2n - factor * result)) & WORD;
  return result;
}
