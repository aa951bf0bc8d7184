import { describe, expect, it } from "@jest/globals";
import { openEngine, type RowSource } from "lagbag";
import { MEMORY_MODES, withEngine } from "./open.js";

const NUM_ROWS = 10;
const DIM = 7;
const ROWS = Float32Array.from({ length: NUM_ROWS * DIM }, (_, n) => n + 0.5);
const ALL = {
  batchSize: NUM_ROWS,
  indices: Int32Array.from({ length: NUM_ROWS }, (_, n) => n),
  offsets: Int32Array.from({ length: NUM_ROWS + 1 }, (_, n) => n),
};

async function* chunks(length: number): AsyncGenerator<Float32Array> {
  for (let at = 0; at < ROWS.length; at += length) yield ROWS.subarray(at, at + length);
}

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  const sources: [string, () => RowSource][] = [
    ["an array", () => ROWS],
    ["an array on shared memory", () => new Float32Array(new SharedArrayBuffer(ROWS.byteLength)).fill(0).map((_, n) => ROWS[n])],
    ["a function", () => (first, count, out) => out.set(ROWS.subarray(first * DIM, (first + count) * DIM))],
    ["a list of arrays", () => [ROWS.subarray(0, 3), ROWS.subarray(3, 40), ROWS.subarray(40, 40), ROWS.subarray(40)]],
    ...[1, 3, DIM, DIM * 3, DIM * 3 + 2, 1000].map((n): [string, () => RowSource] => [`chunks of ${n}`, () => chunks(n)]),
  ];
  it.each(sources)("loads rows from %s into every cut", async (_, source) => {
    for (const sharding of ["table", "row", "column", { by: "row", shards: 5 } as const, { by: "column", shards: 3 } as const] as const) {
      await withEngine(
        { tables: [{ name: "t", numRows: NUM_ROWS, dim: DIM, rows: source(), sharding }], ranks: 3, memory, inline: "never" },
        async (engine) => {
          expect((await engine.lookup(ALL)).values).toEqual(ROWS);
        },
      );
    }
  });
});

it.each<[string, unknown, RegExp]>([
  ["too few values", ROWS.subarray(1), /gave 69 values, expected 10 rows x 7 = 70 values/],
  ["too many values", new Float32Array(71), /gave at least 71 values, expected 10 rows x 7 = 70 values/],
  ["chunks that are no Float32Array", [new Float64Array(70)], /a chunk of type Float64Array/],
  ["no source", {}, /expected a Float32Array, an iterable of Float32Arrays, or a function/],
  [
    "a function that throws",
    () => {
      throw new Error("disk on fire");
    },
    /rows failed after 0 values: disk on fire/,
  ],
])("refuses %s by name, and leaves nothing behind", async (_, rows, message) => {
  await expect(openEngine({ tables: [{ name: "t", numRows: NUM_ROWS, dim: DIM, rows: rows as RowSource }], ranks: 2 })).rejects.toEqual(
    expect.objectContaining({ name: "EmbeddingError", message: expect.stringMatching(message) }),
  );
});
