import { describe, expect, it } from "@jest/globals";
import { LAYOUT } from "#host/memory/abi.js";
import type { Pooling } from "#host/options.js";
import { type ReferenceBatch, type ReferenceTable, referenceLookup } from "#host/reference.js";
import { flattenBags, randomBag, randomTable, randomWeights, seededRandom } from "../cases/random.js";
import { MEMORY_MODES } from "../engine/open.js";
import { Rig } from "./rig.js";

const SEED = 0xb10c;
const NUM_ROWS = 300;
/** Every count of whole vectors and of lanes left over, each number of lines that has a loop of its own, and those around it. */
const DIMS = [1, 3, 4, 5, 8, 9, 12, 15, 16, 17, 28, 31, 32, 33, 48, 60, 63, 64, 65, 96, 127, 128, 129, 192, 256, 300] as const;
/** The kernel touches 4 to 128 rows at a time, 32 KiB: lengths on both sides of every such border. */
const BLOCK_EDGES = [3, 4, 5, 27, 63, 64, 65, 127, 128, 129, 255, 257] as const;
const POOLINGS: readonly Pooling[] = ["sum", "mean", "max", "none"];

const random = seededRandom(SEED);
const lengths = (name: string, counts: readonly number[]): { name: string; counts: readonly number[] } => ({ name, counts });
const ones = (count: number): number[] => new Array<number>(count).fill(1);
const SHAPES = [
  lengths("bags around block sizes", [...BLOCK_EDGES, 0, ...[...BLOCK_EDGES].reverse()]),
  lengths("128 bags of one row", ones(128)),
  lengths("runs of one-row bags between others", [...ones(127), 0, ...ones(129), 2, ...ones(3), 0, 0, 1, 300, 1, 0, ...ones(257), 70]),
  lengths("one row after a bag that was touched ahead", [130, ...ones(140), 5]),
];

function batchOf(counts: readonly number[], { int64 = false, weighted = false }: { int64?: boolean; weighted?: boolean }): ReferenceBatch {
  const bags = counts.map((count) => randomBag(random, NUM_ROWS, count));
  const flat = flattenBags(bags, int64);
  const weights = weighted ? { weights: randomWeights(random, flat.indices.length) } : {};
  return { batchSize: counts.length, ...flat, ...weights };
}

function want(table: ReferenceTable, batch: ReferenceBatch, pooling: Pooling): Float32Array {
  const result = referenceLookup(new Map([["t", table]]), [{ name: "f", table: "t", pooling }], batch);
  return result.jagged.get("f")?.values ?? result.values;
}

/** The first value whose bits differ, as text (the tables hold no NaN). Faster than toEqual on long arrays. */
function firstDifference(got: Float32Array, expected: Float32Array): string | undefined {
  const gotWords = new Uint32Array(got.buffer, got.byteOffset, got.length);
  const words = new Uint32Array(expected.buffer, expected.byteOffset, expected.length);
  if (got.length !== expected.length) return `got ${got.length} values, expected ${expected.length}`;
  for (let n = 0; n < words.length; n += 1) {
    if (gotWords[n] !== words[n]) return `value ${n}: got ${got[n]}, expected ${expected[n]}`;
  }
  return undefined;
}

describe.each(MEMORY_MODES.map((memory) => ({ memory })))("poolPiece, memory $memory", ({ memory }) => {
  it.each(DIMS)("gives the reference's bits for dim %d: all poolings, index widths, bag shapes, destinations off their lines", (dim) => {
    const table = randomTable(random, { numRows: NUM_ROWS, dim });
    const rig = new Rig(memory, table);
    let shiftBytes = 0;
    for (const { counts } of SHAPES) {
      for (const int64 of [false, true]) {
        const plain = batchOf(counts, { int64 });
        const weighted = batchOf(counts, { int64, weighted: true });
        const runs = [...POOLINGS.map((pooling) => ({ pooling, batch: plain })), { pooling: "sum" as const, batch: weighted }];
        for (const { pooling, batch } of runs) {
          shiftBytes = (shiftBytes + 5) % 16;
          const run = rig.run(batch, { pooling, shiftBytes });
          expect(run.status).toBe(LAYOUT.STATUS_OK);
          expect(firstDifference(run.values, want(table, batch, pooling))).toBeUndefined();
        }
      }
    }
  });

  it.each([4, 16, 32, 64, 96, 128])("names the one bad index wherever it stands, dim %d", (dim) => {
    const table = randomTable(random, { numRows: NUM_ROWS, dim });
    const rig = new Rig(memory, table);
    for (const { counts } of SHAPES) {
      for (const int64 of [false, true]) {
        const batch = batchOf(counts, { int64 });
        const last = batch.indices.length - 1;
        for (const position of [0, 1, 127, Math.floor(last / 2), last]) {
          for (const value of int64 ? [BigInt(NUM_ROWS), -1n, 2n ** 32n] : [NUM_ROWS, -1]) {
            const indices = batch.indices.slice();
            (indices as { [position: number]: number | bigint })[position] = value;
            for (const pooling of POOLINGS) {
              const run = rig.run({ ...batch, indices }, { pooling, shiftBytes: 0 });
              expect(run.status).toBe(LAYOUT.STATUS_INDEX_RANGE);
              expect(run.badPosition).toBe(position);
            }
          }
        }
      }
    }
  });
});
