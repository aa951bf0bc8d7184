import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { bytesField, numberField } from "#host/cut/protobuf-writer.js";
import { golden } from "./golden.js";
import { bytesOf, exactFloats, scratch } from "./make.js";
import { message, model, node, tensor } from "./protobuf.js";
import { floatsOf, withModel } from "./read.js";
import { expectRefusal } from "./refusal.js";

const SIX = exactFloats(6);

describe("an ONNX model", () => {
  it("of torch gives the initialisers that rows are looked up in, in the graph's order", async () => {
    await withModel(golden("embeddings.onnx"), ({ format, tables, leftOut }) => {
      expect(format).toBe("onnx");
      expect(tables.map(({ name, numRows, dim }) => [name, numRows, dim])).toEqual([
        ["clicks.weight", 50, 8],
        ["user.weight", 20, 4],
        ["item.weight", 30, 4],
        ["tags.weight", 25, 6],
        ["top.weight", 25, 3],
        ["history.weight", 40, 5],
      ]);
      expect(leftOut).toContainEqual({ name: "hidden.weight", reason: "no Gather or EmbeddingBag reads rows of it" });
      expect(leftOut).toContainEqual({ name: "hidden.bias", reason: "shape [7], a table has two dimensions" });
    });
  });

  it("of torch with an EmbeddingBag gives the table that a loop's body reads", () =>
    withModel(golden("bags-mean.onnx"), ({ tables }) => expect(tables.map(({ name }) => name)).toEqual(["bag.weight"])));

  it("without lookups gives all 2-D initialisers of floats", async () => {
    using folder = scratch();
    const path = folder.write(
      "m.onnx",
      model([tensor("a", { dims: [2, 3], raw: bytesOf(SIX) }), tensor("i", { dims: [2, 1], dataType: 7, raw: new Uint8Array(16) })]),
    );
    await withModel(path, async ({ tables, leftOut }) => {
      expect(tables.map(({ name }) => name)).toEqual(["a"]);
      expect(leftOut).toEqual([{ name: "i", reason: "element type 7, rows are FLOAT, FLOAT16, BFLOAT16 or DOUBLE" }]);
    });
  });

  it("has rows in raw_data, in float_data, in another file; of any type of float; through Identity", async () => {
    using folder = scratch();
    const data = Buffer.concat([Buffer.alloc(5), bytesOf(SIX)]);
    folder.write("weights.bin", data);
    const tensors = [
      tensor("raw", { dims: [3, 2], raw: bytesOf(SIX) }),
      tensor("values", { dims: [2, 3], floats: SIX, packedDims: true }),
      tensor("outside", { dims: [3, 2], external: { location: "weights.bin", offset: "5", length: "24" } }),
      tensor("half", { dims: [1, 2], dataType: 10, raw: bytesOf(Uint16Array.of(0x3c00, 0xc000)) }),
      tensor("double", { dims: [1, 1], dataType: 11, raw: bytesOf(Float64Array.of(0.5)) }),
      tensor("dense", { dims: [1, 1], raw: new Uint8Array(4) }),
    ];
    const nodes = ["raw", "values", "outside", "half"].map((name) => node("Gather", [name, "x"], [`${name}_rows`]));
    nodes.push(node("Identity", ["double"], ["same"]), node("Gather", ["same", "x"], ["double_rows"]));
    await withModel(folder.write("m.onnx", model(tensors, nodes)), async ({ tables, leftOut }) => {
      expect(tables.map(({ name, stored }) => [name, stored.type])).toEqual([
        ["raw", "FLOAT"],
        ["values", "FLOAT"],
        ["outside", "FLOAT"],
        ["half", "FLOAT16"],
        ["double", "DOUBLE"],
      ]);
      expect(leftOut.map(({ name }) => name)).toEqual(["dense"]);
      const values = await Promise.all(tables.map(floatsOf));
      expect(values).toEqual([SIX, SIX, SIX, Float32Array.of(1, -2), Float32Array.of(0.5)]);
    });
  });
});

describe("a broken ONNX model", () => {
  const outside = (external: Record<string, string>): Uint8Array => model([tensor("t", { dims: [3, 2], external })]);
  it.each<[string, Uint8Array, RegExp]>([
    ["that is empty", new Uint8Array(0), /got no graph/],
    ["of another kind", Buffer.from("\x80\x02}q\x00."), /model, byte 0/],
    ["that is cut", model([tensor("t", { dims: [3, 2], raw: bytesOf(SIX) })]).subarray(0, 30), /truncated/],
    ["with a length of 2^60", message(bytesField(7, "")).map((byte, n) => (n === 1 ? 0xff : byte)), /a number that does not end|truncated/],
    ["with a tensor too short", model([tensor("t", { dims: [3, 3], raw: bytesOf(SIX) })]), /initialiser "t": got 24 bytes, expected 36/],
    [
      "with a negative extent",
      model([tensor("t", { dims: [-3n, 2], raw: bytesOf(SIX) })]),
      /initialiser "t": got dims \[-3, 2\], expected whole numbers/,
    ],
    [
      "with a name twice",
      model([tensor("t", { dims: [3, 2], raw: bytesOf(SIX) }), tensor("t", { dims: [3, 2], raw: bytesOf(SIX) })]),
      /the initialiser "t" twice/,
    ],
    ["of nothing but empty nodes", message(bytesField(7, [Buffer.alloc(2 ** 20 + 2, "\x0a\x00")])), /more than 524288 nodes/],
    [
      "with dims without end",
      model([message(bytesField(1, [Buffer.alloc(2 ** 17)]))]),
      /131072 bytes of packed numbers, expected at most 65536/,
    ],
    ["with two graphs", Buffer.concat([model([]), model([])]), /two graphs/],
    ["with a text where a message belongs", message(numberField(7, 1)), /field 7 of wire type 0/],
    ["with external data nowhere", outside({}), /location: got "", expected a file within/],
    [
      "with external data out of the folder",
      outside({ location: "../../etc/passwd" }),
      /location: got "..\/..\/etc\/passwd", expected a file within/,
    ],
    ["with external data at the root", outside({ location: "/etc/passwd" }), /location: got "\/etc\/passwd"/],
    ["with external data that is not there", outside({ location: "x.bin" }), /x.bin: got no such file/],
    ["with an offset that is no number", outside({ location: "w.bin", offset: "0x10" }), /offset: got "0x10", expected a number of bytes/],
    ["with an offset past the end", outside({ location: "w.bin", offset: "8" }), /w.bin: got 24 bytes, expected at least 32/],
    ["with another length than its dims", outside({ location: "w.bin", length: "20" }), /got 20 bytes, expected 24/],
  ])("%s ends in one line", async (_, bytes, refusal) => {
    using folder = scratch();
    folder.write("w.bin", bytesOf(SIX));
    await expectRefusal(folder.write("m.onnx", bytes), refusal);
  });

  it("with external data behind a link out of the folder ends in one line", async () => {
    using elsewhere = scratch();
    using folder = scratch();
    symlinkSync(elsewhere.write("secret", bytesOf(SIX)), join(folder.path, "w.bin"));
    await expectRefusal(folder.write("m.onnx", outside({ location: "w.bin" })), /a link to .*secret, expected a file within/);
  });
});
