import { partSeed, seededRandom } from "../random.js";

/** Random 64-bit keys, and batches of keys to search. */
export interface SeededKeys {
  /** Key of each row. */
  keys: BigInt64Array;
  batches: BigInt64Array[];
  batchKeys: number;
}

/** What to make. */
export interface KeysShape {
  numKeys: number;
  batchKeys: number;
  batchCount: number;
  /** The part of all searches that finds nothing. */
  missing: number;
  seed: number;
}

/** Keys in [0, 2^53), so that they are exact as numbers, too; batches draw them uniformly. Missing keys are negative. */
export function seededKeys({ numKeys, batchKeys, batchCount, missing, seed }: KeysShape): SeededKeys {
  const keys = new BigInt64Array(numKeys);
  const words = new Uint32Array(keys.buffer);
  const random = seededRandom(partSeed(seed, 0));
  // Sorted apart by their row in the low 24 bits: no two are equal, and the upper bits are random.
  for (let row = 0; row < numKeys; row += 1) {
    words[2 * row] = ((Math.floor(random() * 256) << 24) | row) >>> 0;
    words[2 * row + 1] = Math.floor(random() * 2 ** 21);
  }
  const draw = seededRandom(partSeed(seed, 1));
  const batches = Array.from({ length: batchCount }, () => {
    const batch = new BigInt64Array(batchKeys);
    for (let n = 0; n < batchKeys; n += 1) {
      const key = keys[Math.floor(draw() * numKeys)];
      batch[n] = draw() < missing ? -1n - key : key;
    }
    return batch;
  });
  return { keys, batches, batchKeys };
}
