import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { dequantiseRows, EmbeddingBag, EmbeddingBagCollection, KeyedJaggedTensor, quantiseRows, type RowDtype, rowBytes } from "lagbag";
import { openModels } from "#host/tables/open-models.js";
import { writeSafetensors } from "#host/tables/write-safetensors.js";

const DIM = 5;
const NUM_ROWS = 300_000; // Several chunks of a megabyte.
/** Whole numbers and halves below 128: exact in every type of the file. */
const value = (n: number): number => ((n * 7) % 255) / 2;
const ROWS = Float32Array.from({ length: NUM_ROWS * DIM }, (_, n) => value(n));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "lagbag-torch-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Tensor {
  dtype: string;
  shape: number[];
  data: Uint8Array;
}

/** A safetensors file: u64 length, JSON header, data. */
function write(name: string, tensors: Record<string, Tensor>): string {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [key, { dtype, shape, data }] of Object.entries(tensors)) {
    header[key] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(dir, name);
  writeFileSync(path, Buffer.concat([length, json, ...Object.values(tensors).map(({ data }) => data)]));
  return path;
}

const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const f32 = (rows: Float32Array, dim: number): Tensor => ({ dtype: "F32", shape: [rows.length / dim, dim], data: bytesOf(rows) });

function half(x: number): number {
  const packed = new Uint8Array(rowBytes("fp16", 1));
  quantiseRows("fp16", Float32Array.of(x), 1, packed);
  return packed[0] | (packed[1] << 8);
}

function coded(code: string, message: RegExp): Error {
  return expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message) }) as unknown as Error;
}

const SOME = [0, 1, NUM_ROWS - 1, 52_428, 52_429, 104_857, 209_715];
const STARTS = SOME.map((_, n) => n);
const WANT = Float32Array.from(SOME.flatMap((row) => Array.from({ length: DIM }, (_, c) => value(row * DIM + c))));

describe("EmbeddingBag.fromSafetensors", () => {
  const types: [string, () => Tensor][] = [
    ["F32", () => f32(ROWS, DIM)],
    ["F64", () => ({ dtype: "F64", shape: [NUM_ROWS, DIM], data: bytesOf(Float64Array.from(ROWS)) })],
    ["F16", () => ({ dtype: "F16", shape: [NUM_ROWS, DIM], data: bytesOf(Uint16Array.from(ROWS, half)) })],
    [
      "BF16",
      () => ({
        dtype: "BF16",
        shape: [NUM_ROWS, DIM],
        data: bytesOf(Uint16Array.from(new Uint32Array(ROWS.buffer), (bits) => bits >>> 16)),
      }),
    ],
  ];

  it.each(types)("reads %s at once, with the settings of the constructor", (type, tensor) => {
    const path = write(`${type}.safetensors`, { table: tensor() });
    const bag = EmbeddingBag.fromSafetensors(path);
    expect(bag).toMatchObject({ numEmbeddings: NUM_ROWS, embeddingDim: DIM, mode: "mean" });
    expect(bag.forward(SOME, STARTS)).toEqual(WANT);
    bag.close();
    const last = EmbeddingBag.fromSafetensors(path, { tensor: "table", mode: "sum", paddingIdx: -1, includeLastOffset: true });
    expect(last.forward([0, NUM_ROWS - 1], [0, 2])).toEqual(ROWS.slice(0, DIM));
    last.close();
  });

  it.each<RowDtype>([
    "int8",
    "int4",
    "int2",
  ])("reads rows that were quantised to %s, to the bits of the dequantised ones", async (dtype) => {
    const small = ROWS.slice(0, 40 * DIM);
    const path = write(`${dtype}-source.safetensors`, { table: f32(small, DIM) });
    const [model] = await openModels(path);
    const packedPath = join(dir, `${dtype}.safetensors`);
    await writeSafetensors(packedPath, model.tables, { dtype });
    await model.close();
    const packed = new Uint8Array(40 * rowBytes(dtype, DIM));
    quantiseRows(dtype, small, DIM, packed);
    const want = new Float32Array(small.length);
    dequantiseRows(dtype, packed, DIM, want);
    const rows = Array.from({ length: 40 }, (_, n) => n);
    const bag = EmbeddingBag.fromSafetensors(packedPath, { mode: "sum" });
    expect(bag.forward(rows, rows)).toEqual(want);
    expect(new EmbeddingBag(40, DIM, { weight: packed, packed: true, dtype, mode: "sum" }).forward(rows, rows)).toEqual(want);
    expect(new EmbeddingBag(40, DIM, { weight: small, dtype, mode: "sum" }).forward(rows, rows)).toEqual(want);
    const table = { name: "t", numEmbeddings: 40, embeddingDim: DIM, weight: small, dtype };
    const features = KeyedJaggedTensor.fromLengthsSync({ keys: ["t"], values: rows, lengths: rows.map(() => 1) });
    expect(new EmbeddingBagCollection({ tables: [table] }).forward(features).values()).toEqual(want);
    const other: RowDtype = dtype === "int8" ? "int4" : "int8";
    expect(() => EmbeddingBag.fromSafetensors(packedPath, { dtype: other })).toThrow(
      coded("EMBEDDING_OPTIONS", /dtype: got ".*are packed already/),
    );
  });

  it("takes the tensor of a name where there are several, and asks for it", () => {
    const path = write("two.safetensors", { a: f32(Float32Array.of(1, 2), 2), b: f32(Float32Array.of(3, 4, 5), 3) });
    expect([...EmbeddingBag.fromSafetensors(path, { tensor: "b" }).forward([0], [0])]).toEqual([3, 4, 5]);
    expect(() => EmbeddingBag.fromSafetensors(path)).toThrow(coded("EMBEDDING_OPTIONS", /tensor: got undefined, expected one of "a", "b"/));
    expect(() => EmbeddingBag.fromSafetensors(path, { tensor: "c" })).toThrow(
      coded("EMBEDDING_OPTIONS", /tensor: got "c", expected one of "a", "b"/),
    );
    const none = write("none.safetensors", { bias: { dtype: "F32", shape: [2], data: new Uint8Array(8) } });
    expect(() => EmbeddingBag.fromSafetensors(none)).toThrow(coded("EMBEDDING_OPTIONS", /expected a file with a table/));
  });

  it("refuses files that are missing, cut off or lie, in one line, and leaves none open", () => {
    const open = (): number => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
    const before = open();
    const cut = write("cut.safetensors", { table: f32(ROWS.slice(0, 100), DIM) });
    truncateSync(cut, 300);
    const lying = join(dir, "lying.safetensors");
    writeFileSync(lying, Buffer.from("ffffffffffffff7f7b7d", "hex"));
    for (const [path, message] of [
      [join(dir, "missing.safetensors"), /no such file/],
      [dir, /got a folder, expected a file/],
      [cut, /truncated/],
      [lying, /header length/],
    ] as const) {
      expect(() => EmbeddingBag.fromSafetensors(path)).toThrow(coded("EMBEDDING_FILE", message));
    }
    const good = write("good.safetensors", { table: f32(ROWS.slice(0, 10), DIM) });
    expect(() => EmbeddingBag.fromSafetensors(good, { paddingIdx: 7 })).toThrow(coded("EMBEDDING_OPTIONS", /paddingIdx: got 7/));
    expect(() => EmbeddingBag.fromSafetensors("")).toThrow(coded("EMBEDDING_OPTIONS", /path: got ""/));
    expect(open()).toBe(before);
  });
});
