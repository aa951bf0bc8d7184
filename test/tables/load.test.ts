import { describe, expect, it } from "@jest/globals";
import { type LoadProgress, openEngine, openModels } from "lagbag";
import { MEMORY_MODES } from "../engine/open.js";
import { bytesOf, exactFloats, safetensors, scratch } from "./make.js";

/** More than two direct reads of 2 MiB and several chunks of 1 MiB; the last ones are cut. */
const NUM_ROWS = 90_001;
const BATCH = [0, 1, 16383, 16384, 32767, 32768, 45_000, 65_536, NUM_ROWS - 1];

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  it.each([
    ["whole rows, read straight", 16, "table"],
    ["ranges of rows, read straight", 16, "row"],
    ["cut by columns", 32, "column"],
    ["padded", 11, "table"],
  ] as const)("a file of some MiB: %s", async (_, dim, sharding) => {
    using folder = scratch();
    const values = exactFloats(NUM_ROWS * dim);
    const small = exactFloats(6, 9);
    const tensors = {
      before: { dtype: "F32", shape: [3, 2], bytes: bytesOf(small) },
      large: { dtype: "F32", shape: [NUM_ROWS, dim], bytes: bytesOf(values) },
    };
    const [model] = await openModels(folder.write("m.safetensors", safetensors(tensors, { spaces: 3 })));
    const reports: LoadProgress[] = [];
    const tables = model.tables.map((table) => ({ ...table, sharding }));
    const engine = await openEngine({ tables, ranks: 2, memory, onProgress: (progress) => reports.push(progress) });
    await model.close();
    const expected = Float32Array.from(BATCH.flatMap((row) => [...values.subarray(row * dim, (row + 1) * dim)]));
    const offsets = Int32Array.from({ length: BATCH.length + 1 }, (_, n) => n);
    const batch = { batchSize: BATCH.length, features: ["large"], indices: Int32Array.from(BATCH), offsets };
    expect(engine.lookupSync(batch).values).toEqual(expected);
    await engine.close();

    const totalBytes = values.byteLength + small.byteLength;
    expect(reports[0]).toEqual({ table: "before", rowsDone: 0, numRows: 3, bytesDone: 0, totalBytes });
    expect(reports).toContainEqual({ table: "before", rowsDone: 3, numRows: 3, bytesDone: 24, totalBytes });
    expect(reports.at(-1)).toEqual({ table: "large", rowsDone: NUM_ROWS, numRows: NUM_ROWS, bytesDone: totalBytes, totalBytes });
    const done = reports.map(({ bytesDone }) => bytesDone);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });
});

it("a file that shrinks while it is loaded makes openEngine reject, whatever the road", async () => {
  for (const sharding of ["table", "column"] as const) {
    using folder = scratch();
    const bytes = safetensors({ t: { dtype: "F32", shape: [50_000, 32], bytes: bytesOf(exactFloats(50_000 * 32)) } });
    const [model] = await openModels(folder.write("m.safetensors", bytes));
    folder.write("m.safetensors", bytes.subarray(0, 1000));
    await expect(openEngine({ tables: model.tables.map((table) => ({ ...table, sharding })), ranks: 2 })).rejects.toMatchObject({
      code: "EMBEDDING_FILE",
      message: expect.stringMatching(/m.safetensors: got the end of the file/),
    });
    await model.close();
  }
});

it("what onProgress throws makes openEngine reject", async () => {
  const onProgress = (): never => {
    throw new Error("nobody listens");
  };
  const tables = [{ name: "t", numRows: 1, dim: 1, rows: Float32Array.of(1) }];
  await expect(openEngine({ tables, ranks: 1, onProgress })).rejects.toThrow(/nobody listens/);
  await expect(openEngine({ tables, ranks: 1, onProgress: 7 as never })).rejects.toThrow(/onProgress: got 7, expected a function/);
});
