import { describe, expect, it } from "@jest/globals";
import { Allocator, GrowingBlock } from "#host/memory/allocator.js";
import { seededRandom } from "../cases.js";

const START = 4096;
const CAPACITY = 64 * 1024;

it("gives blocks on cache lines that never overlap, and everything back, over seeded sequences", () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const random = seededRandom(seed);
    const allocator = new Allocator(START, CAPACITY);
    const live = new Map<number, number>();
    for (let n = 0; n < 500; n += 1) {
      if (random() < 0.6) {
        const bytes = Math.floor(random() ** 3 * 6000);
        const ptr = allocator.allocate(bytes);
        if (ptr < 0) {
          expect(allocator.largestFreeBytes).toBeLessThan(Math.max(64, bytes));
          continue;
        }
        expect(ptr % 64).toBe(0);
        expect(ptr).toBeGreaterThanOrEqual(START);
        expect(ptr + bytes).toBeLessThanOrEqual(START + CAPACITY);
        for (const [other, size] of live) expect(ptr + Math.max(1, bytes) <= other || other + Math.max(1, size) <= ptr).toBe(true);
        live.set(ptr, bytes);
      } else {
        const [ptr] = [...live.keys()].slice(Math.floor(random() * live.size));
        if (ptr === undefined) continue;
        live.delete(ptr);
        allocator.free(ptr);
      }
    }
    for (const ptr of live.keys()) allocator.free(ptr);
    expect(allocator.usedBytes).toBe(0);
    expect(allocator.largestFreeBytes).toBe(CAPACITY);
  }
});

it("takes the lowest hole that fits, so that the touched part of the memory stays small", () => {
  const allocator = new Allocator(0, 1024);
  const [a, b] = [allocator.allocate(128), allocator.allocate(128)];
  allocator.free(a);
  expect(allocator.allocate(64)).toBe(a);
  expect(allocator.allocate(65)).toBe(b + 128);
});

it("throws on a block that is not allocated", () => {
  const allocator = new Allocator(0, 1024);
  const ptr = allocator.allocate(1);
  allocator.free(ptr);
  expect(() => allocator.free(ptr)).toThrow(/not allocated/);
});

describe("a growing block", () => {
  it("stays where it is while it suffices, and leaves nothing behind when it moves", () => {
    const allocator = new Allocator(0, 4096);
    const block = new GrowingBlock(allocator);
    const ptr = block.reserve(100);
    expect(block.reserve(50)).toBe(ptr);
    block.reserve(1000);
    expect(allocator.usedBytes).toBe(2048);
  });

  it("takes just what is asked for when memory is short, and -1 says that there is none", () => {
    const block = new GrowingBlock(new Allocator(0, 1024));
    expect(block.reserve(1024)).toBe(0);
    expect(block.reserve(1025)).toBe(-1);
    expect(block.reserve(64)).toBe(0);
  });
});
