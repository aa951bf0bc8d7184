import { describe, expect, it } from "@jest/globals";
import { hashTo } from "#host/keys/hash.js";
import { anyKey } from "#host/keys/load.js";
import { LAYOUT, STATIC_BYTES } from "#host/memory/abi.js";
import { createMemory } from "#host/memory/kernel.js";
import { BUCKET_KEYS, keyBuckets, keyIndexBytes } from "#host/plan/key-index.js";
import { type Random, seededRandom } from "../cases.js";
import { MEMORY_MODES } from "../engine/open.js";
import { distances, find, keyOfHash, loadIndex, type Memory, seedOf } from "./index-of.js";

function random64(random: Random): bigint {
  const word = (): bigint => BigInt(Math.floor(random() * 2 ** 32));
  return BigInt.asIntN(64, (word() << 32n) | word());
}

/** Keys made of the numbers from 0 on, each a set that a weak hash folds together. */
const PATTERNS: [string, (n: bigint, random: Random) => bigint][] = [
  ["random", (_, random) => random64(random)],
  ["in sequence", (n) => n],
  ["in sequence, negative", (n) => -1n - n],
  ["in sequence around 2^63", (n) => BigInt.asIntN(64, 2n ** 63n - 5000n + n)],
  ["multiples of 2^8", (n) => n << 8n],
  ["multiples of 2^32", (n) => BigInt.asIntN(64, n << 32n)],
  ["multiples of 2^44", (n) => BigInt.asIntN(64, n << 44n)],
  ["high bits set", (n) => BigInt.asIntN(64, n | (0xffffn << 48n))],
  [
    "every second bit",
    (n) =>
      BigInt.asIntN(
        64,
        [...n.toString(2)].reduce((key, bit) => (key << 2n) | BigInt(bit), 0n),
      ),
  ],
  ["multiples of the golden ratio", (n) => BigInt.asIntN(64, n * 0x9e3779b97f4a7c15n)],
  ["addresses", (n) => 0x7f00_0000_0000n + n * 4096n],
];

describe.each(MEMORY_MODES)("memory %s", (mode) => {
  it.each(PATTERNS)("finds the row of every key and no other, as a Map does: %s", async (_, pattern) => {
    const random = seededRandom(PATTERNS.length);
    const numKeys = 20_000;
    const keys = BigInt64Array.from({ length: numKeys }, (_, n) => pattern(BigInt(n), random));
    const rows = new Map(Array.from(keys, (key, row) => [key, row]));
    expect(rows.size).toBe(numKeys);
    const index = await loadIndex(mode, { numKeys, keys: [keys.subarray(0, 7), keys.subarray(7, 17_000), keys.subarray(17_000)] });
    for (const [key, row] of rows) {
      expect(find(index, key)).toBe(row);
      for (const other of [key ^ 1n, BigInt.asIntN(64, key ^ (1n << 63n)), BigInt.asIntN(64, key + 2n ** 32n), random64(random)]) {
        if (find(index, other) !== rows.get(other)) expect([other, find(index, other)]).toEqual([other, rows.get(other)]);
      }
    }
  });

  it("holds 1 to 60 keys, which is every way to fill the last bucket, and finds 0 and -1 only where they are", async () => {
    for (let numKeys = 1; numKeys <= 60; numKeys += 1) {
      const keys = BigInt64Array.from({ length: numKeys }, (_, n) => BigInt(n * n) - 3n);
      const index = await loadIndex(mode, { numKeys, keys });
      keys.forEach((key, row) => {
        expect(find(index, key)).toBe(row);
      });
      for (const key of [0n, -1n, 1n << 62n]) expect(find(index, key)).toBe(keys.includes(key) ? keys.indexOf(key) : undefined);
    }
  });

  it("goes on from the last bucket to the first", async () => {
    const numKeys = 400;
    // All belong into the last bucket, which holds 5 of them.
    const keys = BigInt64Array.from({ length: numKeys }, (_, n) => (n < 40 ? keyOfHash(2n ** 64n - 1n - BigInt(n)) : BigInt(n)));
    const index = await loadIndex(mode, { numKeys, keys });
    expect(distances(index).farthest).toBeGreaterThanOrEqual(7);
    keys.forEach((key, row) => {
      expect(find(index, key)).toBe(row);
    });
    for (let n = 40n; n < 200n; n += 1n) expect(find(index, keyOfHash(2n ** 64n - 1n - n))).toBe(undefined);
  });

  it("gives another seed to a flood of keys that hash alike, and then finds them as near as others", async () => {
    const numKeys = 30_000;
    const flood = 10_000;
    const keys = BigInt64Array.from({ length: numKeys }, (_, n) => (n % 3 === 0 ? keyOfHash(BigInt(n)) : BigInt(n)));
    expect(
      new Set(
        Array.from(
          keys.filter((_, n) => n % 3 === 0),
          (key) => hashTo(key, keyBuckets(numKeys)),
        ),
      ).size,
    ).toBe(1);
    const index = await loadIndex(mode, { numKeys, keys: [keys.subarray(0, 29_000), keys.subarray(29_000)] });
    expect(seedOf(index)).not.toBe(0n);
    const far = distances(index);
    expect(far.keys).toBe(numKeys);
    expect(far.farthest).toBeLessThan(60);
    expect(far.atHome).toBeGreaterThan(0.6 * numKeys);
    for (let row = 0; row < flood; row += 1) if (find(index, keys[row]) !== row) expect([row, find(index, keys[row])]).toEqual([row, row]);
  });

  it("still names both rows of a key that comes twice in a flood", async () => {
    const numKeys = 3000;
    const keys = BigInt64Array.from({ length: numKeys }, (_, n) => keyOfHash(BigInt(n === 2900 ? 11 : n)));
    await expect(loadIndex(mode, { numKeys, keys })).rejects.toEqual(
      expect.objectContaining({
        code: "EMBEDDING_KEYS",
        message: `table "t": key ${keys[11]} comes twice, as row 11 and as row 2900; expected each key once`,
      }),
    );
  });

  it("copies the index to the other memories that hold it", async () => {
    const numKeys = 1000;
    const copy = createMemory(STATIC_BYTES + keyIndexBytes(numKeys));
    const { memory } = await loadIndex(mode, {
      numKeys,
      keys: BigInt64Array.from({ length: numKeys }, (_, n) => BigInt(n)),
      copies: [copy],
    });
    const bytes = (one: Memory): Uint8Array => new Uint8Array(one.buffer, STATIC_BYTES, keyIndexBytes(numKeys));
    expect(Buffer.compare(bytes(copy), bytes(memory))).toBe(0);
    expect(bytes(copy).some((byte) => byte !== 0)).toBe(true);
  });
});

it.each(PATTERNS)("keeps keys near their homes, whatever their pattern: %s", async (_, pattern) => {
  const random = seededRandom(1);
  const numKeys = 200_000;
  const keys = BigInt64Array.from({ length: numKeys }, (_, n) => pattern(BigInt(n), random));
  const index = await loadIndex("one", { numKeys, keys });
  expect(seedOf(index)).toBe(0n);
  const far = distances(index);
  // Simulated with random buckets: 0.29 on average, 26 at most for 100,000 keys, 45 for a million, 79 for ten millions.
  expect(far.mean).toBeLessThan(0.32);
  expect(far.farthest).toBeLessThan(60);
});

it("takes at most 16 bytes a key, and always has a place more than keys", () => {
  expect(BUCKET_KEYS).toBe(LAYOUT.BUCKET_KEYS);
  for (let numKeys = 1; numKeys < 2 ** 31; numKeys = Math.ceil(numKeys * 1.01)) {
    expect(keyBuckets(numKeys) * BUCKET_KEYS).toBeGreaterThan(numKeys);
    expect(keyIndexBytes(numKeys)).toBe((keyBuckets(numKeys) + 1) * LAYOUT.BUCKET_BYTES);
    if (numKeys >= 36) expect(keyIndexBytes(numKeys)).toBeLessThanOrEqual(16 * numKeys);
    else expect(keyIndexBytes(numKeys)).toBeLessThanOrEqual(9 * 64);
  }
});

it("draws keys of the index for any random number", async () => {
  const keys = BigInt64Array.of(3n, 5n, -7n);
  const index = await loadIndex("one", { numKeys: 3, keys });
  const drawn = new Set(Array.from({ length: 50 }, (_, n) => anyKey(index, n)));
  for (const key of drawn) expect(keys).toContain(key);
  expect(drawn.size).toBeGreaterThan(1);
});
