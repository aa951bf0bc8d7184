import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { openEngine, openModels, quantiseRows, type RowDtype, rowBytes } from "lagbag";
import { golden } from "../tables/golden.js";
import { bytesOf, exactFloats, safetensors, scratch } from "../tables/make.js";
import { floatsOf, withModel } from "../tables/read.js";
import { lagbag } from "./run.js";

const NUM_ROWS = 1000;
const DIM = 37;
/** No two rows alike, so that a row in the wrong place shows. */
const VALUES = Float32Array.from({ length: NUM_ROWS * DIM }, (_, n) => Math.sin(n) * (1 + (n % 13)));
const source = safetensors({
  user: { dtype: "F32", shape: [NUM_ROWS, DIM], bytes: bytesOf(VALUES) },
  bias: { dtype: "F32", shape: [3], bytes: bytesOf(exactFloats(3)) },
  item: { dtype: "F64", shape: [2, 2], bytes: bytesOf(Float64Array.of(1, 2, 3, 4)) },
});

describe("lagbag convert", () => {
  it.each<RowDtype>([
    "fp32",
    "fp16",
    "int8",
    "int4",
    "int2",
  ])("--dtype %s: what is read back is quantiseRows of the source", async (dtype) => {
    using folder = scratch();
    const from = folder.write("m.safetensors", source);
    const to = join(folder.path, "out.safetensors");
    expect(lagbag("convert", from, to, "--dtype", dtype)).toEqual({
      code: 0,
      out: `wrote ${to}: 2 tables\n`,
      err: 'left out: "bias" (shape [3], a table has two dimensions)\n',
    });
    const packed = new Uint8Array(NUM_ROWS * rowBytes(dtype, DIM));
    quantiseRows(dtype, VALUES, DIM, packed);
    await withModel(to, async ({ tables: [user, item], leftOut }) => {
      expect(leftOut).toEqual([]);
      expect(item.name).toBe("item");
      expect(user).toMatchObject({ name: "user", numRows: NUM_ROWS, dim: DIM });
      const parts: Uint8Array[] = [];
      for await (const chunk of user.rows) parts.push(Uint8Array.from(bytesOf(chunk)));
      const read = Buffer.concat(parts);
      if (user.packed) {
        expect(user.dtype).toBe(dtype);
        expect(read.equals(packed)).toBe(true);
      } else {
        const again = new Uint8Array(packed.length);
        quantiseRows(dtype, await floatsOf(user), DIM, again);
        expect(Buffer.from(again).equals(packed)).toBe(true);
      }
    });
  });

  it("an engine over converted rows gives the bits of one that quantised them itself", async () => {
    using folder = scratch();
    const from = folder.write("m.safetensors", source);
    const to = join(folder.path, "q.safetensors");
    expect(lagbag("convert", from, to, "--dtype", "int8").code).toBe(0);
    const batch = { batchSize: 2, features: ["user"], indices: Int32Array.of(0, 999, 7), offsets: Int32Array.of(0, 2, 3) };
    const [packed, floats] = await Promise.all(
      [to, from].map((path) =>
        withModel(path, async ({ tables }) => {
          const engine = await openEngine({
            tables: tables.map((table) => (table.packed ? table : { ...table, dtype: "int8" as const })),
            ranks: 1,
          });
          const { values } = engine.lookupSync(batch);
          await engine.close();
          return values.slice();
        }),
      ),
    );
    expect(packed).toEqual(floats);
    expect(packed.some((value) => value !== 0)).toBe(true);
  });

  it("keeps keys and default rows, and quantised rows as they are unless told otherwise", async () => {
    using folder = scratch();
    mkdirSync(join(folder.path, "hps"));
    const keys = BigInt64Array.of(5n, -9n, 2n ** 62n);
    folder.write("hps/key", bytesOf(keys));
    folder.write("hps/emb_vector", bytesOf(exactFloats(6)));
    const [first, second, third] = ["a", "b", "c"].map((name) => join(folder.path, `${name}.safetensors`));
    expect(lagbag("convert", join(folder.path, "hps"), first, "--dtype", "int8").code).toBe(0);
    expect(lagbag("convert", first, second).code).toBe(0);
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
    expect(lagbag("convert", first, third, "--dtype", "fp32").code).toBe(0);
    await withModel(third, async ({ tables: [table], leftOut }) => {
      expect([table.name, table.packed, leftOut]).toEqual(["hps", undefined, []]);
      const read: bigint[] = [];
      for await (const chunk of table.keys as AsyncIterable<BigInt64Array>) read.push(...chunk);
      expect(read).toEqual([...keys]);
      const values = await floatsOf(table);
      // A code is 1/255 of the row's range.
      for (const [n, value] of exactFloats(6).entries()) expect(Math.abs(values[n] - value)).toBeLessThan(0.5);
    });
  });

  it.each(["little-f2.npy", "deflated.npz", "embeddings.onnx"])("takes %s", async (name) => {
    using folder = scratch();
    const to = join(folder.path, "out.safetensors");
    expect(lagbag("convert", golden(name), to).code).toBe(0);
    await withModel(golden(name), (before) =>
      withModel(to, async (after) => {
        expect(after.tables.map((table) => table.name)).toEqual(before.tables.map((table) => table.name));
        expect(await Promise.all(after.tables.map(floatsOf))).toEqual(await Promise.all(before.tables.map(floatsOf)));
      }),
    );
  });

  it("replaces a file only with --force, itself too, and leaves nothing else behind", async () => {
    using folder = scratch();
    const path = folder.write("m.safetensors", source);
    expect(lagbag("convert", path, path)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^lagbag: .*m.safetensors: got a file that is there already/),
    });
    expect(lagbag("convert", path, path, "--force", "--dtype", "fp16").code).toBe(0);
    expect(readdirSync(folder.path)).toEqual(["m.safetensors"]);
    await withModel(path, ({ tables }) => expect(tables[0].stored.type).toBe("F16"));
  });

  it("a source that breaks off leaves nothing behind", () => {
    using folder = scratch();
    const bytes = Uint8Array.from(readFileSync(golden("stored.npz")));
    bytes[300] ^= 1;
    const from = folder.write("m.npz", bytes);
    expect(lagbag("convert", from, join(folder.path, "out.safetensors"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/checksum/),
    });
    expect(readdirSync(folder.path)).toEqual(["m.npz"]);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["no arguments", [], /^lagbag: arguments: got none, expected IN OUT.safetensors\n$/],
    ["another ending", ["a.npz", "b.npz"], /OUT: got b.npz, expected a name that ends in .safetensors/],
    ["an unknown type", ["a.npz", "b.safetensors", "--dtype", "int3"], /--dtype: got int3, expected fp32, fp16, int8, int4, int2/],
    ["an unknown option", ["a.npz", "b.safetensors", "--fast"], /--fast/],
  ])("%s is a wrong command line", (_, args, message) => {
    expect(lagbag("convert", ...args)).toMatchObject({ code: 2, out: "", err: expect.stringMatching(message) });
  });
});

describe("lagbag inspect", () => {
  it("shows tables, what is left out, the plan and what it costs", () => {
    using folder = scratch();
    const { code, out, err } = lagbag("inspect", folder.write("m.safetensors", source), "--ranks", "2");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^"m": safetensors, .*m.safetensors\n/);
    expect(out).toMatch(/^user +1000 x 37 +F32 +144.5 KiB +fp32 +144.5 KiB$/m);
    expect(out).toMatch(/^item +2 x 2 +F64/m);
    expect(out).toMatch(/^left out: "bias" \(shape \[3\], a table has two dimensions\)$/m);
    expect(out).toMatch(/^plan for 2 ranks/m);
    expect(out).toMatch(/^memory "two" .*: 125.0 KiB of 4.0 GiB on the fullest rank$/m);
    expect(out).toMatch(/^a sample reads \d+ bytes of rows, whole cache lines counted, and gives 156 bytes of floats$/m);
  });

  it("--json gives the same as data", () => {
    using folder = scratch();
    const { code, out } = lagbag("inspect", folder.write("m.safetensors", source), "--ranks", "2", "--dtype", "int8", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      {
        name: "m",
        format: "safetensors",
        tables: [
          { name: "user", numRows: 1000, dim: 37, dtype: "int8", bytes: 45_000, stored: { type: "F32", bytes: 148_000 } },
          { name: "item", numRows: 2, dim: 2, dtype: "int8", bytes: 20 },
        ],
        leftOut: [{ name: "bias" }],
        tableBytes: 45_020,
        memory: [{ memory: "two" }, { memory: "one" }],
        plan: { ranks: 2 },
        bytesPerSample: { given: 156 },
      },
    ]);
  });

  it("a broken file is one line and exit code 1; a name that carries terminal codes is shown harmless", () => {
    using folder = scratch();
    const path = folder.write("m.safetensors", source.subarray(0, 1000));
    expect(lagbag("inspect", path)).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^lagbag: .*m.safetensors: tensor "user".*truncated\?\n$/),
    });
    folder.write("m.safetensors", safetensors({ "\u001b[2Jx": { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) } }));
    const { out } = lagbag("inspect", path);
    expect(out).not.toContain("\u001b");
  });

  it("a file that may not be read is one line", () => {
    using folder = scratch();
    const path = folder.write("m.npy", "x");
    chmodSync(path, 0);
    // The superuser may read everything: then what it reads is the fault.
    expect(lagbag("inspect", path)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/m.npy: got (permission denied|bytes that do not start)/),
    });
  });
});

it("lagbag cut writes its files and says which lookup feeds what", async () => {
  using folder = scratch();
  const { code, out } = lagbag("cut", golden("embeddings.onnx"), "--out", folder.path, "--leave", "tags.weight");
  expect(code).toBe(0);
  expect(out).toMatch(/"item.weight" +"item.weight" +sum +"ids" \{"axis":1,"index":1\} +"\/item\/Gather_output_0" \[batch, 4\]/);
  expect(out).not.toMatch(/tags.weight/);
  expect(readdirSync(folder.path).sort()).toEqual(["dense.onnx", "embeddings.safetensors", "lagbag.json"]);
  const models = await openModels(folder.path);
  await Promise.all(models.map((model) => model.close()));
  expect(lagbag("cut", golden("weighted.onnx"), "--out", folder.path)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/node "\/bag\/Loop"/),
  });
  expect(lagbag("cut", golden("weighted.onnx"))).toMatchObject({ code: 2, err: expect.stringMatching(/--out: got none/) });
});

it("every command of tables says what it takes", () => {
  for (const command of ["inspect", "convert", "cut"]) {
    expect(lagbag(command, "--help")).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringMatching(new RegExp(`^Usage: lagbag ${command} `)),
    });
    expect(lagbag("--help").out).toMatch(new RegExp(`^  ${command} +\\w`, "m"));
  }
});
