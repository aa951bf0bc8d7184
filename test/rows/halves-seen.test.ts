import { expect, it } from "@jest/globals";
import { HalvesSeen } from "#host/rows/halves-seen.js";

const ONE = 0x3c00;

/** `count` ones, and besides them these. */
function seen(count: number, ...others: number[]): boolean {
  const halves = new HalvesSeen();
  for (let n = 0; n < count; n += 1) halves.see(ONE);
  for (const half of others) halves.see(half);
  return halves.areOrdinary;
}

it.each<[string, boolean, boolean]>([
  ["zeros of both signs and the smallest normal", seen(0, 0, 0x8000, 0x400, 0x8400), true],
  ["the largest halves", seen(0, 0x7bff, 0xfbff), true],
  ["an infinity among many", seen(10_000, 0x7c00), false],
  ["a -infinity among many", seen(10_000, 0xfc00), false],
  ["a NaN among many", seen(10_000, 0xfe01), false],
  ["a subnormal in 1,024", seen(1023, 0x3ff), true],
  ["two subnormals in 1,024", seen(1022, 0x3ff, 0x8001), false],
])("%s: ordinary %s, as it should be %s", (_, got, expected) => {
  expect(got).toBe(expected);
});
