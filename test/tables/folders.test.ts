import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "@jest/globals";
import { openModels } from "lagbag";
import { bytesOf, exactFloats, safetensors, scratch } from "./make.js";
import { floatsOf, withModel } from "./read.js";
import { expectRefusal } from "./refusal.js";

const one = (name: string, count = 4): Uint8Array =>
  safetensors({ [name]: { dtype: "F32", shape: [count / 2, 2], bytes: bytesOf(exactFloats(count)) } });

function put(root: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
}

async function namesIn(path: string, versions: "latest" | "all" = "latest"): Promise<string[]> {
  const models = await openModels(path, { versions });
  await Promise.all(models.map((model) => model.close()));
  return models.map(({ name, version, tables }) => `${name}/${version}: ${tables.map((table) => table.name).join(" ")}`);
}

const hpsTable = (keys: number, dim: number): Record<"key" | "emb_vector", Uint8Array> => ({
  key: bytesOf(BigInt64Array.from({ length: keys }, (_, n) => BigInt(n) * -3n + 2n ** 40n)),
  emb_vector: bytesOf(exactFloats(keys * dim)),
});
const hps = (folder: string, keys: number, dim: number): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(hpsTable(keys, dim)).map(([name, bytes]) => [`${folder}/${name}`, bytes]));

it("a folder of files is as many models, sorted; what is no model is passed by", async () => {
  using folder = scratch();
  put(folder.path, {
    "b.safetensors": one("t"),
    "a.safetensors": one("t"),
    "README.md": "x",
    ".hidden.safetensors": "x",
    "dense.onnx": "x",
    "config/x.json": "{}",
  });
  expect(await namesIn(folder.path)).toEqual(["a/1: t", "b/1: t"]);
});

it("files that an index names are one model with the folder's name, in the order of the files", async () => {
  using folder = scratch();
  const map = { weight_map: { z: "m-1.safetensors", a: "m-2.safetensors", bias: "m-2.safetensors" } };
  const second = safetensors({
    bias: { dtype: "F32", shape: [1], bytes: new Uint8Array(4) },
    a: { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) },
    unnamed: { dtype: "F32", shape: [1, 1], bytes: new Uint8Array(4) },
  });
  put(folder.path, {
    "ranker/m-1.safetensors": one("z"),
    "ranker/m-2.safetensors": second,
    "ranker/model.safetensors.index.json": JSON.stringify({ metadata: { total_size: 24 }, ...map }),
  });
  expect(await namesIn(join(folder.path, "ranker"))).toEqual(["ranker/1: z a"]);
  expect(await namesIn(join(folder.path, "ranker", "model.safetensors.index.json"))).toEqual(["model/1: z a"]);
});

it("an HPS folder is a keyed table, a folder of them a model of several", async () => {
  using folder = scratch();
  put(folder.path, { ...hps("wdl/b", 3, 4), ...hps("wdl/a", 2, 1) });
  await withModel(join(folder.path, "wdl"), async (model) => {
    expect(model).toMatchObject({
      name: "wdl",
      format: "hps",
      tables: [
        { name: "a", numRows: 2, dim: 1 },
        { name: "b", numRows: 3, dim: 4 },
      ],
    });
    const keys: bigint[] = [];
    for await (const chunk of model.tables[1].keys as AsyncIterable<BigInt64Array>) keys.push(...chunk);
    expect(keys).toEqual([2n ** 40n, 2n ** 40n - 3n, 2n ** 40n - 6n]);
    expect(await floatsOf(model.tables[1])).toEqual(exactFloats(12));
  });
  expect(await namesIn(join(folder.path, "wdl", "a"))).toEqual(["a/1: a"]);
});

it("a model repository gives the highest version of each model, or all of them", async () => {
  using folder = scratch();
  put(folder.path, {
    "ranker/config.pbtxt": "",
    "ranker/2/model.safetensors": one("t"),
    "ranker/10/model.safetensors": one("t"),
    ...hps("hps/1/wdl", 1, 1),
  });
  expect(await namesIn(folder.path)).toEqual(["hps/1: wdl", "ranker/10: t"]);
  expect(await namesIn(folder.path, "all")).toEqual(["hps/1: wdl", "ranker/2: t", "ranker/10: t"]);
});

it("a version folder that leads back to its own repository ends", async () => {
  using folder = scratch();
  put(folder.path, { "m/1/model.safetensors": one("t") });
  symlinkSync(folder.path, join(folder.path, "m", "1", "again"));
  expect(await namesIn(folder.path, "all")).toEqual(["m/1: t"]);
});

it.each<[string, Record<string, Uint8Array | string>, RegExp]>([
  ["an empty folder", {}, /got an empty folder, expected model files/],
  ["a folder with nothing to read", { "notes.txt": "x" }, /no model in it/],
  ["a folder with a pickle", { "pytorch_model.bin": "x" }, /"pytorch_model.bin", a pickle by its name.*save_file/],
  ["two models of one name", { "m.safetensors": one("t"), "m.SAFETENSORS": one("t") }, /two models named "m"/],
  ["keys cut", { "t/key": new Uint8Array(15), "t/emb_vector": new Uint8Array(8) }, /key: got 15 bytes, expected 8 for each key/],
  ["no keys", { "t/key": "", "t/emb_vector": "" }, /key: got 0 bytes/],
  [
    "vectors cut",
    { "t/key": new Uint8Array(16), "t/emb_vector": new Uint8Array(12) },
    /emb_vector: got 12 bytes, expected 2 keys x dim x 4/,
  ],
  ["an index without files", { "model.safetensors.index.json": "{}" }, /weight_map: got none/],
  [
    "an index of a file that is not there",
    { "m.safetensors.index.json": '{"weight_map":{"t":"x.safetensors"}}' },
    /x.safetensors: got no such file/,
  ],
  [
    "an index out of the folder",
    { "m.safetensors.index.json": '{"weight_map":{"t":"../x.safetensors"}}' },
    /weight_map: got "\.\.\/x.safetensors", expected a file within/,
  ],
  [
    "an index to the root",
    { "m.safetensors.index.json": '{"weight_map":{"t":"/etc/passwd"}}' },
    /got "\/etc\/passwd", expected a file within/,
  ],
  ["an index with a NUL", { "m.safetensors.index.json": '{"weight_map":{"t":"a\\u0000b"}}' }, /got "a\\u0000b"/],
  [
    "an index of a tensor that is not there",
    { "m.safetensors.index.json": '{"weight_map":{"u":"x.safetensors"}}', "x.safetensors": one("t") },
    /no tensor "u"/,
  ],
  [
    "a version of two models",
    { "m/1/a.safetensors": one("t"), "m/1/b.safetensors": one("t") },
    /got 2 models, expected one: this is version 1/,
  ],
])("%s is refused in one line", async (_, files, message) => {
  using folder = scratch();
  put(folder.path, files);
  await expectRefusal(folder.path, message);
});

it("a link out of the folder is refused, however it is named", async () => {
  using elsewhere = scratch();
  using folder = scratch();
  symlinkSync(elsewhere.write("secret.safetensors", one("t")), join(folder.path, "x.safetensors"));
  folder.write("m.safetensors.index.json", '{"weight_map":{"t":"x.safetensors"}}');
  await expectRefusal(
    join(folder.path, "m.safetensors.index.json"),
    /"x.safetensors", a link to .*secret.safetensors, expected a file within/,
  );
});

it.each<[string, RegExp]>([
  ["nowhere/m.safetensors", /got no such file or folder/],
  ["m.pt", /got a pickle, by its name, expected a .safetensors file.*save_file\(model.state_dict\(\), 'm.safetensors'\)/],
  ["m.csv", /got the name "m.csv", expected one that ends in/],
  ["a\0b.safetensors", /a path with a NUL in it/],
])("the path %j is refused", async (name, message) => {
  using folder = scratch();
  if (!name.includes("\0") && !name.includes("/")) folder.write(name, "x");
  await expectRefusal(join(folder.path, name), message);
});

it("a folder, a pipe and a device are no model files, and nobody waits for them", async () => {
  using folder = scratch();
  mkdirSync(join(folder.path, "folder.safetensors"));
  await expectRefusal(join(folder.path, "folder.safetensors"), /got an empty folder/);
  const pipe = join(folder.path, "pipe.npy");
  execFileSync("mkfifo", [pipe]);
  await expectRefusal(pipe, /got something that is no regular file/);
  const device = join(folder.path, "zero.npz");
  symlinkSync("/dev/zero", device);
  await expectRefusal(device, /got something that is no regular file/);
});

it("rows that are asked for after close() are an error, not a crash", async () => {
  using folder = scratch();
  const [model] = await openModels(folder.write("m.safetensors", one("t")));
  await model.close();
  await model.close();
  await expect(floatsOf(model.tables[0])).rejects.toMatchObject({
    code: "EMBEDDING_FILE",
    message: expect.stringMatching(/a read after close\(\)/),
  });
});

it("a file that shrinks while it is read is an error", async () => {
  using folder = scratch();
  const [model] = await openModels(folder.write("m.safetensors", one("t", 1000)));
  folder.write("m.safetensors", one("t", 4));
  await expect(floatsOf(model.tables[0])).rejects.toMatchObject({
    code: "EMBEDDING_FILE",
    message: expect.stringMatching(/got the end of the file at byte/),
  });
  await model.close();
});

it("a read ahead that fails while its reader is busy is an error of the reader, no unhandled rejection that ends the process", () => {
  using folder = scratch();
  const path = folder.write("m.safetensors", one("t", 2 ** 20));
  const child = fileURLToPath(new URL("read-ahead.child.js", import.meta.url));
  expect(execFileSync(process.execPath, [child, path], { encoding: "utf8" })).toBe("EMBEDDING_FILE\n");
});
