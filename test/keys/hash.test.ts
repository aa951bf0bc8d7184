import { expect, it } from "@jest/globals";
import { hashToRow } from "lagbag";
import { keyOfHash } from "./index-of.js";

it("gives the rows that SplitMix64's published first outputs give", () => {
  // Outputs of the generator's reference code for the seeds 0 and 1234567.
  for (const [key, hash] of [
    [0n, 0xe220a8397b1dcdafn],
    [1234567n, 6457827717110365317n],
  ] as const) {
    for (const numRows of [1, 2, 1000, 2 ** 31 - 1]) {
      expect(hashToRow(key, numRows)).toBe(Number((hash * BigInt(numRows)) / 2n ** 64n));
      expect(hashToRow(Number(key), numRows)).toBe(hashToRow(key, numRows));
    }
  }
});

it("spreads keys of every pattern evenly", () => {
  const buckets = 64;
  const count = 64_000;
  const patterns: ((n: bigint) => bigint)[] = [(n) => n, (n) => -n, (n) => n << 20n, (n) => n << 44n, (n) => n * 1000n];
  for (const pattern of patterns) {
    const hits = new Array<number>(buckets).fill(0);
    for (let n = 0n; n < count; n += 1n) hits[hashToRow(BigInt.asIntN(64, pattern(n)), buckets)] += 1;
    // A thousand each on average; five standard deviations are 158.
    expect(Math.min(...hits)).toBeGreaterThan(842);
    expect(Math.max(...hits)).toBeLessThan(1158);
  }
});

it("maps every 64-bit integer, the edges included", () => {
  for (const key of [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    const row = hashToRow(key, 29);
    expect(row).toBeGreaterThanOrEqual(0);
    expect(row).toBeLessThan(29);
  }
  expect(hashToRow(keyOfHash(0n), 29)).toBe(0);
  expect(hashToRow(keyOfHash(2n ** 64n - 1n), 29)).toBe(28);
});

it.each<[string, unknown, unknown, RegExp]>([
  ["a key of 65 bits", 2n ** 63n, 10, /^key: got 9223372036854775808n, expected a 64-bit signed integer/],
  ["a fraction", 0.5, 10, /^key: got 0.5, expected/],
  ["a number that is not exact", 2 ** 53, 10, /^key: got 9007199254740992, expected/],
  ["a string", "7", 10, /^key: got "7", expected/],
  ["no rows", 7, 0, /^numRows: got 0, expected an integer from 1 to 2147483647/],
  ["too many rows", 7, 2 ** 31, /^numRows: got 2147483648, expected/],
])("refuses %s", (_, key, numRows, message) => {
  expect(() => hashToRow(key as bigint, numRows as number)).toThrow(
    expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(message) }),
  );
});
