import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { openModels } from "lagbag";
import { cutModel } from "#host/cut/cut.js";
import { golden } from "../tables/golden.js";
import { scratch } from "../tables/make.js";
import { runOnnx, type Tensor } from "./onnxruntime.js";
import { runCut } from "./run.js";

/** Largest difference that is allowed: the order of additions differs. */
const TOLERANCE = 1e-6;

const ints = (dims: readonly number[], below: number): Tensor => {
  const count = dims.reduce((product, extent) => product * extent, 1);
  return { type: "int64", values: Array.from({ length: count }, (_, n) => (n * 7919 + 13) % below), dims };
};
const list = (...values: number[]): Tensor => ({ type: "int64", values, dims: [values.length] });
const floats = (dims: readonly number[]): Tensor => {
  const count = dims.reduce((product, extent) => product * extent, 1);
  return { type: "float32", values: Array.from({ length: count }, (_, n) => Math.sin(n)), dims };
};
const DLRM = { clicks: ints([5, 4], 25), user: ints([5], 20), ids: ints([5, 2], 30), history: ints([5, 3], 40), dense: floats([5, 3]) };

async function expectSame(name: string, feeds: Readonly<Record<string, Tensor>>, leave: readonly string[] = []): Promise<void> {
  using folder = scratch();
  await cutModel(golden(`${name}.onnx`), { out: folder.path, leave });
  const whole = runOnnx(golden(`${name}.onnx`), feeds);
  const cut = await runCut(folder.path, feeds);
  expect(Object.keys(cut)).toEqual(Object.keys(whole));
  for (const [output, { values, dims }] of Object.entries(whole)) {
    expect(cut[output].dims).toEqual(dims);
    expect(values.length).toBeGreaterThan(0);
    const apart = values.map((value, n) => Math.abs(value - cut[output].values[n]));
    expect(Math.max(...apart)).toBeLessThanOrEqual(TOLERANCE);
  }
}

describe("a model cut in two answers as the whole one does in onnxruntime", () => {
  it("nn.Embedding: sums, means, maxima, single rows, a column of a matrix, rows that nobody pools", () => expectSame("embeddings", DLRM));
  it("the same with two tables left in the dense part", () => expectSame("embeddings", DLRM, ["tags.weight", "history.weight"]));
  it.each(["sum", "mean", "max"])("nn.EmbeddingBag, %s, with offsets", async (mode) => {
    await expectSame(`bags-${mode}`, { indices: ints([7], 50), offsets: list(0, 2, 3) });
    await expectSame(`bags-${mode}-last`, { indices: ints([7], 50), offsets: list(0, 2, 3, 7) });
  });
  it("nn.EmbeddingBag of a matrix", () => expectSame("matrix-bag", { indices: ints([6, 4], 50) }));
  it("a table whose transpose is folded into the dense part", () => expectSame("tied", { user: ints([4], 50) }));
});

it("writes tables, the dense part and what belongs together, nothing else", async () => {
  using folder = scratch();
  const cut = await cutModel(golden("embeddings.onnx"), { out: folder.path });
  expect(readdirSync(folder.path).sort()).toEqual(["dense.onnx", "embeddings.safetensors", "lagbag.json"]);
  expect(JSON.parse(readFileSync(join(folder.path, "lagbag.json"), "utf8"))).toEqual({
    models: {
      embeddings: {
        features: ["clicks", "user", "item", "tags", "top"].map((name, n) => ({
          name: `${name}.weight`,
          table: `${name}.weight`,
          pooling: ["sum", "sum", "sum", "mean", "max"][n],
        })),
      },
    },
    cut,
  });
  expect(cut).toMatchObject({
    tables: "embeddings.safetensors",
    dense: "dense.onnx",
    columns: 8 + 4 + 4 + 6 + 3,
    inputs: ["dense"],
    outputs: ["score"],
  });
  expect(
    cut.features.map(({ table, pooling, firstColumn, indices, bags, denseShape }) => [
      table,
      pooling,
      firstColumn,
      indices,
      bags,
      denseShape,
    ]),
  ).toEqual([
    ["clicks.weight", "sum", 0, { input: "clicks", select: [] }, "sample", ["batch", 8]],
    ["user.weight", "sum", 8, { input: "user", select: [] }, "sample", ["batch", 4]],
    ["item.weight", "sum", 12, { input: "ids", select: [{ axis: 1, index: 1 }] }, "sample", ["batch", 4]],
    ["tags.weight", "mean", 16, { input: "clicks", select: [] }, "sample", ["batch", 6]],
    ["top.weight", "max", 22, { input: "clicks", select: [] }, "sample", ["batch", 3]],
    ["history.weight", "none", null, { input: "history", select: [] }, "sample", ["batch", 3, 5]],
  ]);
  const models = await openModels(folder.path);
  await Promise.all(models.map((model) => model.close()));
  expect(models.map(({ name }) => name)).toEqual(["embeddings"]);
});

describe("a model that cannot be cut is refused by the node that is in the way", () => {
  it.each<[string, readonly string[], RegExp]>([
    ["weighted", [], /node "\/bag\/Loop" \(Loop\): got a loop that does not end in ReduceSum.*weights/],
    ["tied-whole", [], /node ".*Transpose.*" \(Transpose\): got table "table.weight", which lookups read as well/],
    ["computed", [], /node "\/table\/Gather" \(Gather\): got indices that Add makes/],
    ["embeddings", ["nothing"], /--leave: got "nothing", expected the name of an initialiser/],
    [
      "embeddings",
      ["clicks.weight", "user.weight", "item.weight", "tags.weight", "top.weight", "history.weight"],
      /no lookup that can be cut out/,
    ],
  ])("%s", async (name, leave, message) => {
    using folder = scratch();
    await expect(cutModel(golden(`${name}.onnx`), { out: join(folder.path, "out"), leave })).rejects.toMatchObject({
      code: "EMBEDDING_FILE",
      message: expect.stringMatching(message),
    });
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

it("does not replace what is there, unless asked", async () => {
  using folder = scratch();
  folder.write("dense.onnx", "mine");
  const again = { out: folder.path };
  await expect(cutModel(golden("matrix-bag.onnx"), again)).rejects.toThrow(/dense.onnx: got a file that is there already/);
  expect(readdirSync(folder.path)).toEqual(["dense.onnx"]);
  await cutModel(golden("matrix-bag.onnx"), { ...again, force: true });
  expect(readFileSync(join(folder.path, "dense.onnx"), "latin1")).not.toBe("mine");
});
