import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { openModels } from "lagbag";
import { seededRandom } from "../cases.js";
import { withEngine } from "./open.js";

const NUM_ROWS = 5000;
/** Rows of whole cache lines: a file fills their shards itself. */
const DIM = 16;
const random = seededRandom(3);
const KEYS = BigInt64Array.from({ length: NUM_ROWS }, (_, n) => BigInt(n) * 2n ** 35n - 9n);
const ROWS = Float32Array.from({ length: NUM_ROWS * DIM }, () => random());
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lagbag-keys-"));
  await mkdir(join(folder, "model", "user"), { recursive: true });
  await writeFile(join(folder, "model", "user", "key"), KEYS);
  await writeFile(join(folder, "model", "user", "emb_vector"), ROWS);
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  "table",
  "row",
  "column",
] as const)("answers an HPS folder's keys, and missing ones by the default row, cut by %s", async (sharding) => {
  const [model] = await openModels(join(folder, "model"));
  try {
    const defaultRow = new Float32Array(DIM).fill(0.5);
    const tables = model.tables.map((table) => ({ ...table, sharding, defaultRow }));
    const features = [{ name: "user", table: tables[0].name, pooling: "none" as const }];
    await withEngine({ tables, features, ranks: 2, inline: "never" }, async (engine) => {
      const rows = [NUM_ROWS - 1, 0, 77, 2500];
      const indices = BigInt64Array.of(...rows.map((row) => KEYS[row]), 12n);
      const result = await engine.lookup({ batchSize: 1, indices, offsets: Int32Array.of(0, 5) });
      const want = rows.flatMap((row) => [...ROWS.subarray(row * DIM, (row + 1) * DIM)]);
      expect([...result.jagged("user").values]).toEqual([...want, ...defaultRow]);
    });
  } finally {
    await model.close();
  }
});
