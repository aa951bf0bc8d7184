import { describe, expect, it } from "@jest/globals";
import { AccessLog } from "#host/diagnose/access.js";
import { seededRandom } from "../cases.js";

/** A piece of `samples` samples of two features, each with as many indices as given. */
function piece(samples: number, first: number[], second: number[]) {
  const indices = Int32Array.from([...first, ...second]);
  const ranges = [
    [0, first.length],
    [first.length, indices.length],
  ] as const;
  return { samples, features: [0, 1], range: (slot: number) => ranges[slot], indices };
}

describe("AccessLog", () => {
  it("counts every lookup of each feature, and the samples", () => {
    const log = new AccessLog([[], []]);
    log.note(piece(2, [1, 2, 3], []));
    log.note({ ...piece(1, [4], [5, 6]), features: [1, 0] });
    expect(log.samples).toBe(3);
    expect(log.features.map(({ lookups }) => lookups)).toEqual([5, 1]);
  });

  it("finds the rows that are asked for most, with about their share", () => {
    const random = seededRandom(3);
    const log = new AccessLog([[], []]);
    for (let step = 0; step < 2000; step += 1) {
      const rows = Array.from({ length: 40 }, () => (random() < 0.3 ? 7 : random() < 0.2 ? 8 : Math.floor(random() * 1e6)));
      log.note(piece(1, rows, [1]));
    }
    const [{ hotRows, sampled }] = log.features;
    expect(hotRows.slice(0, 2).map(({ row }) => row)).toEqual([7, 8]);
    expect(hotRows[0].count / sampled).toBeGreaterThan(0.27);
    expect(hotRows[0].count / sampled).toBeLessThan(0.33);
  });

  it("counts by shard where a table is cut by rows", () => {
    const log = new AccessLog([[0, 10, 20], []]);
    for (let step = 0; step < 100; step += 1) log.note(piece(1, [0, 9, 12, 15, 19, 11], []));
    const [{ shardCounts, sampled }, other] = log.features;
    expect(shardCounts[0] + shardCounts[1] + shardCounts[2]).toBe(sampled);
    expect(shardCounts[2]).toBe(0);
    expect(shardCounts[1]).toBeGreaterThan(shardCounts[0]);
    expect(other.shardCounts).toEqual([]);
  });

  it("takes lookups without indices, and 64-bit ones", () => {
    const log = new AccessLog([[], []]);
    log.note(piece(5, [], []));
    log.note({ ...piece(1, [1], []), indices: BigInt64Array.of(2n ** 40n) });
    expect(log.features[0].hotRows[0].row).toBe(2 ** 40);
  });
});
