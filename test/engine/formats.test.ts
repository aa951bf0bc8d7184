import { describe, expect, it } from "@jest/globals";
import type { Sharding } from "lagbag";
import { type ReferenceTable, referenceLookup } from "#host/reference.js";
import { type RowDtype, rowBytes } from "#host/rows/rows.js";
import { cornerCases, seededRandom } from "../cases.js";
import { caseIn, optionsOfAll, unpack } from "./formats.js";
import { bits, expected, MEMORY_MODES, withEngine } from "./open.js";

const SEED = 0xf0f0;
const SHARDINGS: readonly Sharding[] = ["table", "row", "column"];
const DTYPES: readonly RowDtype[] = ["fp32", "fp16", "int8", "int4", "int2"];
const CODES: readonly RowDtype[] = ["int8", "int4", "int2"];

/** Every format by every cut, packed and as floats in turns. fp32 rows that are given as floats are test/engine/corner-cases.test.ts. */
const roads = MEMORY_MODES.flatMap((memory) =>
  SHARDINGS.flatMap((sharding, s) =>
    DTYPES.map((dtype, d) => {
      const packed = dtype === "fp32" || (s + d) % 2 === 0;
      return { memory, sharding, format: { dtype, packed }, name: `${dtype} rows${packed ? ", packed" : ""}` };
    }),
  ),
);
const CASES = cornerCases();

interface Answer {
  subject: ReturnType<typeof caseIn>;
  want: ReturnType<typeof expected>;
}

function checkValues({ subject, want }: Answer, got: { values: Float32Array; jagged(name: string): { values: Float32Array } }): void {
  expect({ [subject.name]: bits(got.values) }).toEqual({ [subject.name]: bits(want.values) });
  for (const [name, rows] of want.jagged) expect({ [name]: bits(got.jagged(name).values) }).toEqual({ [name]: bits(rows.values) });
}

describe.each(roads)("memory $memory, sharding $sharding, $name", ({ memory, sharding, format }) => {
  it("gives the bits of fp32 lookups over dequantised rows, coalesced and on the caller's thread, for all corner cases", async () => {
    const options = { ...optionsOfAll(CASES, format, sharding), ranks: 3, lagBound: 1, memory, inline: "never" } as const;
    await withEngine({ ...options, exchangeMemoryBytes: 2 ** 27 }, async (engine) => {
      const answers = CASES.map((one): Answer => {
        const subject = caseIn(one, format);
        return { subject, want: expected(engine, subject) };
      });
      const results = await Promise.all(answers.map(({ subject }) => engine.lookup(subject.lookup)));
      for (const [n, answer] of answers.entries()) checkValues(answer, results[n]);
      expect(engine.stats().coalescedLookups).toBeGreaterThan(0);
      for (const answer of answers) checkValues(answer, engine.lookupSync(answer.subject.lookup));
    });
  });
});

/** One row a bag, every row once: what each value is decoded to. */
async function allRows(table: ReferenceTable, dtype: RowDtype, packed: Uint8Array, sharding: Sharding): Promise<Float32Array> {
  const { numRows, dim } = table;
  const offsets = Int32Array.from({ length: numRows + 1 }, (_, n) => n);
  return withEngine({ tables: [{ name: "t", numRows, dim, dtype, packed: true, rows: packed, sharding }], ranks: 2 }, (engine) =>
    engine.lookupSync({ batchSize: numRows, indices: offsets.subarray(0, numRows), offsets }).values.slice(),
  );
}

it("decodes every half there is", async () => {
  const halves = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, half) => half).buffer);
  const table = unpack("fp16", halves, 64);
  expect(bits(await allRows(table, "fp16", halves, "table"))).toEqual(bits(table.rows));
  expect(table.rows[1]).toBe(2 ** -24);
  expect(table.rows[0x7bff]).toBe(65504);
  expect(table.rows[0x7c00]).toBe(Number.POSITIVE_INFINITY);
});

it.each([
  ["no subnormal", (half: number) => (half & 0x7c00) !== 0 || (half & 0x3ff) === 0],
  ["a few subnormals", (half: number) => (half & 0x7c00) !== 0 || (half & 0x3ff) < 20],
])("decodes all finite halves with %s by the short kernel, to the same values", async (_, keep) => {
  const finite = Array.from({ length: 65536 }, (_, half) => half).filter((half) => (half & 0x7c00) !== 0x7c00 && keep(half));
  const halves = new Uint8Array(Uint16Array.from({ length: Math.floor(finite.length / 63) * 63 }, (_, n) => finite[n]).buffer);
  const table = unpack("fp16", halves, 63);
  for (const sharding of ["table", "column"] as const) {
    expect(bits(await allRows(table, "fp16", halves, sharding))).toEqual(bits(table.rows));
  }
});

it.each(
  CODES.flatMap((dtype) => [1, 6, 31, 64, 121, 300].map((dim) => ({ dtype, dim }))),
)("decodes and folds whatever bytes stand in $dtype rows of $dim, as scales and as codes", async ({ dtype, dim }) => {
  const random = seededRandom(SEED + dim);
  const rowCount = 97;
  const packed = Uint8Array.from({ length: rowCount * rowBytes(dtype, dim) }, () => random() * 256);
  const table = unpack(dtype, packed, dim);
  for (const sharding of ["table", "column", { by: "row", shards: 3 }] as const) {
    expect(bits(await allRows(table, dtype, packed, sharding))).toEqual(bits(table.rows));
  }
  const indices = Int32Array.from({ length: 600 }, () => random() * rowCount);
  const batch = {
    batchSize: 6,
    indices,
    offsets: Int32Array.of(0, 1, 3, 3, 200, 450, 600),
    weights: Float32Array.from(indices, () => random() - 0.5),
  };
  const features = [{ name: "t", table: "t", pooling: "sum" as const }];
  const want = referenceLookup(new Map([["t", table]]), features, batch);
  const options = {
    tables: [{ name: "t", numRows: rowCount, dim, dtype, packed: true as const, rows: packed, sharding: "column" as const }],
    ranks: 2,
  };
  await withEngine(options, async (engine) => {
    expect(bits((await engine.lookup(batch)).values)).toEqual(bits(want.values));
  });
});
