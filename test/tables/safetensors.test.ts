import { describe, expect, it } from "@jest/globals";
import { openEngine } from "lagbag";
import { bytesOf, exactFloats, safetensors, safetensorsRaw, scratch } from "./make.js";
import { floatsOf, withModel } from "./read.js";
import { expectRefusal } from "./refusal.js";

const HALVES = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x3c00, 0xbc00, 0x7bff, 0x7c00, 0x8000);
const HALF_VALUES = [2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, -1, 65504, Number.POSITIVE_INFINITY, -0];

describe("a safetensors file", () => {
  it.each([0, 1, 2, 3])("gives its 2-D float tensors in the order of their data, whatever the alignment (%i spaces)", async (spaces) => {
    using folder = scratch();
    const path = folder.write(
      "m.safetensors",
      safetensors(
        {
          z: { dtype: "F32", shape: [5, 3], bytes: bytesOf(exactFloats(15)) },
          bias: { dtype: "F32", shape: [4], bytes: bytesOf(exactFloats(4)) },
          half: { dtype: "F16", shape: [2, 4], bytes: bytesOf(HALVES) },
          brain: { dtype: "BF16", shape: [1, 3], bytes: bytesOf(Uint16Array.of(0x3f80, 0xc000, 0x7f80)) },
          ids: { dtype: "I64", shape: [2, 1], bytes: new Uint8Array(16) },
          a: { dtype: "F64", shape: [1, 2], bytes: bytesOf(Float64Array.of(0.1, -3)) },
        },
        { spaces, metadata: { format: "pt" } },
      ),
    );
    await withModel(path, async (model) => {
      expect(model).toMatchObject({ name: "m", version: "1", path, format: "safetensors", tableBytes: (15 + 8 + 3 + 2) * 4 });
      expect(model.tables.map(({ name, numRows, dim, stored }) => [name, numRows, dim, stored.type])).toEqual([
        ["z", 5, 3, "F32"],
        ["half", 2, 4, "F16"],
        ["brain", 1, 3, "BF16"],
        ["a", 1, 2, "F64"],
      ]);
      expect(model.leftOut).toEqual([
        { name: "bias", reason: "shape [4], a table has two dimensions" },
        { name: "ids", reason: "type I64, rows are F32, F16, BF16 or F64" },
      ]);
      const [z, half, brain, a] = await Promise.all(model.tables.map(floatsOf));
      expect(z).toEqual(exactFloats(15));
      expect(half).toEqual(Float32Array.from(HALF_VALUES));
      expect(brain).toEqual(Float32Array.of(1, -2, Number.POSITIVE_INFINITY));
      expect(a).toEqual(Float32Array.of(0.1, -3));
    });
  });

  it("goes into every cut of an engine", async () => {
    using folder = scratch();
    const values = exactFloats(1000 * 16);
    const path = folder.write(
      "m.safetensors",
      safetensors({ t: { dtype: "F32", shape: [1000, 16], bytes: bytesOf(values) } }, { spaces: 1 }),
    );
    const batch = {
      batchSize: 1000,
      indices: Int32Array.from({ length: 1000 }, (_, n) => n),
      offsets: Int32Array.from({ length: 1001 }, (_, n) => n),
    };
    for (const sharding of ["table", "row", "column"] as const) {
      await withModel(path, async ({ tables }) => {
        const engine = await openEngine({ tables: tables.map((table) => ({ ...table, sharding })), ranks: 2, inline: "never" });
        expect((await engine.lookup(batch)).values).toEqual(values);
        await engine.close();
      });
    }
  });
});

it("a file of more tables than anybody can plan is refused", async () => {
  using folder = scratch();
  const none = new Uint8Array(4);
  const tensors = Object.fromEntries(Array.from({ length: 65_537 }, (_, n) => [`t${n}`, { dtype: "F32", shape: [1, 1], bytes: none }]));
  await expectRefusal(folder.write("m.safetensors", safetensors(tensors)), /got 65537 tables, expected at most 65536/);
});

describe("a broken safetensors file", () => {
  const tensor = (fields: string): Uint8Array => safetensorsRaw(`{"t":{${fields}}}`, new Uint8Array(16));
  const good = '"dtype":"F32","shape":[2,2],"data_offsets":[0,16]';
  it.each<[string, Uint8Array, RegExp]>([
    ["that is empty", new Uint8Array(0), /got 0 bytes, expected a safetensors file/],
    [
      "with a header of 2^60 bytes",
      safetensorsRaw("{}", new Uint8Array(8), 2n ** 60n),
      /header length: got 1152921504606846976, expected at most 10 bytes/,
    ],
    [
      "cut within the header",
      safetensorsRaw('{"t":', new Uint8Array(0), 500n),
      /header length: got 500, expected at most 5 bytes, what the file has/,
    ],
    ["that is no JSON", safetensorsRaw("hello", new Uint8Array(0)), /header: got text that is no JSON/],
    ["with a list as header", safetensorsRaw("[]", new Uint8Array(0)), /header: got \[\], expected a JSON object/],
    ["with deep JSON", safetensorsRaw("[".repeat(100_000), new Uint8Array(0)), /more than 3 levels deep/],
    ["with bytes that are no UTF-8", Buffer.concat([safetensorsRaw('{"a', new Uint8Array(0), 4n), Buffer.of(0xff)]), /no UTF-8/],
    ["with a name twice", safetensorsRaw(`{"t":{${good}},"\\u0074":{${good}}}`, new Uint8Array(16)), /the name "t" twice/],
    [
      "cut within the data",
      safetensorsRaw(`{"t":{${good}}}`, new Uint8Array(15)),
      /data_offsets: got \[0,16\], expected 0 <= begin <= end <= 15.*truncated/,
    ],
    ["with bytes too many", safetensorsRaw(`{"t":{${good}}}`, new Uint8Array(17)), /1 bytes that belong to no tensor/],
    [
      "whose shape is more than the data",
      tensor('"dtype":"F32","shape":[2,3],"data_offsets":[0,16]'),
      /16 bytes, expected 24 bytes for F32 \[2, 3\]/,
    ],
    [
      "with a negative extent",
      tensor('"dtype":"F32","shape":[-2,-2],"data_offsets":[0,16]'),
      /shape: got \[-2,-2\], expected whole numbers/,
    ],
    ["with a fractional extent", tensor('"dtype":"F32","shape":[0.5,8],"data_offsets":[0,16]'), /shape: got \[0.5,8\]/],
    [
      "whose shape's product overflows",
      tensor('"dtype":"F32","shape":[9007199254740991,1024],"data_offsets":[0,16]'),
      /product below 2\^53/,
    ],
    ["with offsets the wrong way round", tensor('"dtype":"F32","shape":[2,2],"data_offsets":[16,0]'), /data_offsets: got \[16,0\]/],
    ["with an endless offset", tensor('"dtype":"F32","shape":[2,2],"data_offsets":[0,1e999]'), /data_offsets: got \[0,null\]/],
    [
      "without a shape",
      tensor('"dtype":"F32","data_offsets":[0,16]'),
      /tensor "t": got .*, expected an object \{ dtype, shape, data_offsets \}/,
    ],
    [
      "whose tensors overlap",
      safetensorsRaw(`{"a":{${good}},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]}}`, new Uint8Array(16)),
      /tensor "b": got data from byte 8, expected 16/,
    ],
    ["with a hole", tensor('"dtype":"F32","shape":[1,2],"data_offsets":[8,16]'), /got data from byte 8, expected 0/],
    [
      "whose names carry terminal codes",
      safetensorsRaw('{"\\u001b[31m\\u009b\\n":7}', new Uint8Array(0)),
      /tensor "\\u001b\[31m\\u009b\\n": got 7/,
    ],
  ])("%s ends in one line that names it", async (_, bytes, message) => {
    using folder = scratch();
    const path = folder.write("m.safetensors", bytes);
    const error: unknown = await withModel(path, () => "no error").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "EmbeddingError", code: "EMBEDDING_FILE", file: path, message: expect.stringMatching(message) });
    expect((error as Error).message).not.toMatch(/\n/);
    expect((error as Error).message.startsWith(`${path}: `)).toBe(true);
  });
});
