import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import {
  dequantiseRows,
  type Engine,
  type FloatTableOptions,
  openEngine,
  type PackedRowSource,
  type PackedTableOptions,
  quantiseRows,
  type RowSource,
  rowBytes,
  type TableOptions,
} from "lagbag";
import { ROW_DTYPES } from "#host/rows/rows.js";
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

describe.each(ROW_DTYPES.flatMap((dtype) => MEMORY_MODES.map((memory) => ({ dtype, memory }))))("$dtype rows, memory $memory", ({
  dtype,
  memory,
}) => {
  const packed = new Uint8Array(NUM_ROWS * rowBytes(dtype, DIM));
  quantiseRows(dtype, ROWS, DIM, packed);
  const expected = new Float32Array(ROWS.length);
  dequantiseRows(dtype, packed, DIM, expected);
  async function* pieces<T extends Float32Array | Uint8Array>(all: T, length: number): AsyncGenerator<T> {
    for (let at = 0; at < all.length; at += length) yield all.subarray(at, at + length) as T;
  }
  const bytes = rowBytes(dtype, DIM);
  const rows: [string, () => Pick<FloatTableOptions, "rows" | "packed"> | Pick<PackedTableOptions, "rows" | "packed">][] = [
    ...[1, DIM - 1, DIM * 3 + 2].map((n): [string, () => { rows: RowSource }] => [
      `floats in chunks of ${n}`,
      () => ({ rows: pieces(ROWS, n) }),
    ]),
    ["a function of floats", () => ({ rows: (first, count, out) => out.set(ROWS.subarray(first * DIM, (first + count) * DIM)) })],
    ["bytes", () => ({ packed: true, rows: packed })],
    ["a Buffer", () => ({ packed: true, rows: Buffer.from(packed) })],
    ...[1, bytes - 1, bytes, bytes * 3 + 2].map((n): [string, () => { packed: true; rows: PackedRowSource }] => [
      `bytes in chunks of ${n}`,
      () => ({ packed: true, rows: pieces(packed, n) }),
    ]),
    [
      "a function of bytes",
      () => ({ packed: true, rows: (first, count, out) => out.set(packed.subarray(first * bytes, (first + count) * bytes)) }),
    ],
  ];
  it.each(rows)("load from %s into every cut", async (_, source) => {
    const shardings = ["table", { by: "row", shards: 3 }, { by: "column", shards: 3 }, { by: "column", shards: 7 }] as const;
    const tables = await Promise.all(
      shardings.map(async (sharding, n) => ({ name: `t${n}`, numRows: NUM_ROWS, dim: DIM, dtype, sharding, ...source() })),
    );
    await withEngine({ tables, ranks: 2, memory, inline: "never" }, async (engine) => {
      for (const { name } of tables)
        expect({ [name]: (await engine.lookup({ ...ALL, features: [name] })).values }).toEqual({ [name]: expected });
    });
  });
});

it.each<[string, object, RegExp]>([
  [
    "floats for packed rows",
    { packed: true, rows: ROWS },
    /rows gave a chunk of type Float32Array, expected 10 rows x 15 bytes \(int8, dim 7\) = 150 bytes in Uint8Arrays/,
  ],
  [
    "bytes for floats",
    { rows: new Uint8Array(150) },
    /rows gave a chunk of type Uint8Array, expected 10 rows x 7 = 70 values in Float32Arrays/,
  ],
  ["a chunk of floats after bytes", { packed: true, rows: [new Uint8Array(10), ROWS] }, /a chunk of type Float32Array/],
  [
    "too few bytes",
    { packed: true, rows: new Uint8Array(149) },
    /rows gave 149 bytes, expected 10 rows x 15 bytes \(int8, dim 7\) = 150 bytes/,
  ],
  ["too many bytes", { packed: true, rows: [new Uint8Array(150), new Uint8Array(1)] }, /rows gave at least 151 bytes, expected/],
])("packed tables: %s are refused with what was got and expected", async (_, table, message) => {
  const options = { tables: [{ name: "t", numRows: NUM_ROWS, dim: DIM, dtype: "int8", ...table }] as unknown as TableOptions[], ranks: 1 };
  await expect(openEngine(options)).rejects.toEqual(
    expect.objectContaining({
      code: "EMBEDDING_TABLE_ROWS",
      table: "t",
      got: expect.anything(),
      expected: expect.anything(),
      message: expect.stringMatching(message),
    }),
  );
});

it.each<[string, object, RegExp]>([
  ["dtype", { dtype: "int3" }, /tables\[0\].dtype: got "int3", expected "fp32" or "fp16" or "int8" or "int4" or "int2"/],
  ["packed", { packed: 1 }, /tables\[0\].packed: got 1, expected true or false/],
])("refuses another %s", async (_, table, message) => {
  const options = { tables: [{ name: "t", numRows: NUM_ROWS, dim: DIM, rows: ROWS, ...table }] as unknown as TableOptions[], ranks: 1 };
  await expect(openEngine(options)).rejects.toEqual(
    expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(message) }),
  );
});

/** Opens an engine over rows that nobody else holds. */
async function openAndForget(ranks: number): Promise<{ engine: Engine; rows: WeakRef<Float32Array> }> {
  const rows = ROWS.slice();
  const engine = await openEngine({ tables: [{ name: "t", numRows: NUM_ROWS, dim: DIM, rows }], ranks });
  return { engine, rows: new WeakRef(rows) };
}

it.each([0, 1])("lets go of the rows once they are in, with %d ranks", async (ranks) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { engine, rows } = await openAndForget(ranks);
  try {
    for (let turn = 0; turn < 50 && rows.deref() !== undefined; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      collect();
    }
    expect(rows.deref()).toBeUndefined();
    expect((await engine.lookup(ALL)).values).toEqual(ROWS);
  } finally {
    await engine.close();
  }
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
