import { describe, expect, it } from "@jest/globals";
import {
  type BagInput,
  type BagSettings,
  type BagWeights,
  EmbeddingBag,
  type EmbeddingBagOptions,
  type EmbeddingWeight,
  type IndexArray,
} from "lagbag";
import { runScript } from "../package/child.js";

const ROWS = [
  [1, 10],
  [2, 20],
  [4, 40],
  [8, 80],
];
const FLAT = Float32Array.from(ROWS.flat());

function coded(code: string, message: RegExp, more: object = {}): Error {
  return expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message), ...more }) as unknown as Error;
}

type Settings = BagSettings & { weight?: EmbeddingWeight };

function bagOf(options: Settings = {}): EmbeddingBag {
  return new EmbeddingBag(4, 2, { weight: FLAT, mode: "sum", ...options });
}

describe("an EmbeddingBag", () => {
  it("answers the example of docs/torch.md", () => {
    const bag = EmbeddingBag.fromPretrained(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { mode: "sum" },
    );
    expect([...bag.forward([0, 2, 1], [0, 2])]).toEqual([6, 8, 3, 4]);
  });

  it("means by default, as torch does", () => {
    const bag = new EmbeddingBag(4, 2, { weight: FLAT });
    expect([...bag.forward([0, 1, 2, 3], [0, 2])]).toEqual([1.5, 15, 6, 60]);
    expect(bag).toMatchObject({ numEmbeddings: 4, embeddingDim: 2, mode: "mean", paddingIdx: null, includeLastOffset: false });
  });

  it.each<[string, EmbeddingWeight]>([
    ["a Float32Array", FLAT],
    ["an array of rows", ROWS],
    ["an array of Float32Arrays", ROWS.map((row) => Float32Array.from(row))],
    ["a generator of chunks", new Set([FLAT.subarray(0, 3), FLAT.subarray(3)]).values()],
    ["a function", (first, count, out) => out.set(FLAT.subarray(first * 2, (first + count) * 2))],
  ])("takes its weight from %s", (_, weight) => {
    expect([...bagOf({ weight }).forward([3, 1, 0], [0, 1])]).toEqual([8, 80, 3, 30]);
  });

  it("counts a negative paddingIdx from the end", () => {
    const bag = bagOf({ paddingIdx: -4, mode: "mean" });
    expect(bag.paddingIdx).toBe(0);
    expect([...bag.forward([0, 1, 2, 0], [0, 3])]).toEqual([3, 30, 0, 0]);
  });

  it.each<[string, IndexArray, IndexArray]>([
    ["numbers", [3, 1, 0], [0, 1]],
    ["int32", Int32Array.of(3, 1, 0), Int32Array.of(0, 1)],
    ["int64", BigInt64Array.of(3n, 1n, 0n), BigInt64Array.of(0n, 1n)],
    ["int64 with int32 offsets", BigInt64Array.of(3n, 1n, 0n), Int32Array.of(0, 1)],
  ])("takes %s", (_, input, offsets) => {
    expect([...bagOf().forward(input, offsets)]).toEqual([8, 80, 3, 30]);
  });

  it.each<[string, BagInput]>([
    ["rows of numbers", [[3, 1], [0, 0]]], // biome-ignore format: a matrix
    ["rows of int32", [Int32Array.of(3, 1), Int32Array.of(0, 0)]],
    ["rows of int64", [BigInt64Array.of(3n, 1n), BigInt64Array.of(0n, 0n)]],
    ["{ data, shape }", { data: [3, 1, 0, 0], shape: [2, 2] }],
    ["{ data, shape } of int64", { data: BigInt64Array.of(3n, 1n, 0n, 0n), shape: [2, 2] }],
  ])("takes bags of one length as %s", (_, input) => {
    expect([...bagOf().forward(input)]).toEqual([10, 100, 2, 20]);
    expect([...bagOf().forward(input, null, null)]).toEqual([10, 100, 2, 20]);
  });

  it.each<[string, BagWeights]>([
    ["numbers", [[0.5, 1], [2, 0]]], // biome-ignore format: a matrix
    ["{ data, shape }", { data: Float32Array.of(0.5, 1, 2, 0), shape: [2, 2] }],
  ])("takes weights of bags of one length as %s", (_, weights) => {
    expect([...bagOf().forward([[3, 1], [0, 0]], null, weights)]).toEqual([6, 60, 2, 20]); // biome-ignore format: a matrix
  });

  it("runs the last bag to the end, but not with includeLastOffset: there the last offset has to be the number of indices", () => {
    expect([...bagOf().forward([3, 1, 0], [0])]).toEqual([11, 110]);
    const last = bagOf({ includeLastOffset: true });
    expect([...last.forward([3, 1, 0], [0, 3])]).toEqual([11, 110]);
    expect([...last.forward([3, 1, 0], [0, 1, 3, 3])]).toEqual([8, 80, 3, 30, 0, 0]);
    expect(() => last.forward([3, 1, 0], [0, 2])).toThrow(
      coded("EMBEDDING_OFFSETS", /offsets\[1\]: got 2, expected 3, the last offset is indices.length/, { position: 1 }),
    );
  });

  it("gives an array of the caller's own each time", () => {
    const bag = bagOf();
    const first = bag.forward([0], [0]);
    const second = bag.forward([3], [0]);
    first.fill(0);
    expect([...second]).toEqual([8, 80]);
    expect([...bag.forward([3], [0])]).toEqual([8, 80]);
  });

  it("does not change what it is given", () => {
    const input = Object.freeze([3, 1, 0]);
    const offsets = Object.freeze([0, 1]);
    const typed = Int32Array.of(0, 1);
    const bag = bagOf();
    bag.forward(input, offsets);
    bag.forward(input, typed);
    expect([...typed]).toEqual([0, 1]);
  });

  it("answers calls of many sizes in turn", () => {
    const bag = bagOf();
    for (const bags of [3, 1, 0, 5000, 2]) {
      const offsets = Int32Array.from({ length: bags }, (_, n) => n);
      const out = bag.forward(
        Int32Array.from({ length: bags }, (_, n) => n % 4),
        offsets,
      );
      expect(out).toEqual(Float32Array.from({ length: bags * 2 }, (_, n) => FLAT[n % 8]));
    }
  });

  it("is closed by close() and by `using`", () => {
    const bag = bagOf();
    bag.close();
    bag.close();
    expect(() => bag.forward([0], [0])).toThrow(coded("EMBEDDING_CLOSED", /closed/));
    const other = bagOf();
    other[Symbol.dispose]();
    expect(() => other.forward([0], [0])).toThrow(coded("EMBEDDING_CLOSED", /closed/));
  });

  it("needs no close() for its process to end, and loads no thread pool", () => {
    const run = runScript(`
      import { EmbeddingBag } from "lagbag";
      const bag = EmbeddingBag.fromPretrained([[1, 2], [3, 4]], { mode: "max" });
      console.log(bag.forward([0, 1], [0]).join());
    `);
    expect(run).toMatchObject({ stdout: "3,4\n", exitCode: 0 });
    expect(run.modules.filter((module) => module.includes("piscina"))).toEqual([]);
  });
});

describe("a bad call", () => {
  const cases: [string, Settings, unknown[], Error][] = [
    ["an index too large", {}, [[0, 4], [0, 1]], coded("EMBEDDING_INDEX_RANGE", /indices\[1\] \(feature "input", sample 1\): got 4, expected 0 <= index < 4/)],
    ["an index below 0", {}, [[0, -1], [0]], coded("EMBEDDING_INDEX_RANGE", /got -1/)],
    ["an index beyond int32", {}, [[0, 2 ** 40], [0]], coded("EMBEDDING_INDEX_RANGE", /got 1099511627776/)],
    ["an index that is no whole number", {}, [[0, 1.5], [0]], coded("EMBEDDING_BATCH", /input\[1\]: got 1.5, expected a whole number/)],
    ["floats as indices", {}, [Float32Array.of(1), [0]], coded("EMBEDDING_BATCH", /input: got Float32Array, expected Int32Array/)],
    ["no input", {}, [undefined, [0]], coded("EMBEDDING_BATCH", /input: got undefined/)],
    ["no offsets", {}, [[0, 1]], coded("EMBEDDING_BATCH", /offsets: got none, expected where each bag starts/)],
    ["offsets of rows", {}, [[[0, 1]], [0]], coded("EMBEDDING_BATCH", /offsets: got an array, expected none: the input is two-dimensional/)],
    ["offsets that fall", {}, [[0, 1, 2], [0, 2, 1]], coded("EMBEDDING_OFFSETS", /offsets\[2\]: got 1, expected at least 2, offsets never fall/)],
    ["a first offset that is not 0", {}, [[0, 1, 2], [1, 2]], coded("EMBEDDING_OFFSETS", /offsets\[0\]: got 1, expected 0/)],
    ["an offset beyond the end", {}, [[0, 1], [0, 3]], coded("EMBEDDING_OFFSETS", /offsets\[1\]: got 3, expected at most 2, the number of indices/)],
    ["an offset that no array has", {}, [[0], BigInt64Array.of(0n, 2n ** 40n)], coded("EMBEDDING_OFFSETS", /offsets\[1\]: got 1099511627776/)],
    ["no last offset", { includeLastOffset: true }, [[0], []], coded("EMBEDDING_OFFSETS", /expected at least the last offset/)],
    ["rows of unlike length", {}, [[[0, 1], [2]]], coded("EMBEDDING_BATCH", /input\[1\]: got "?1 elements"?, expected 2 elements, as row 0 has/)],
    ["a shape that does not fit", {}, [{ data: [0, 1, 2], shape: [2, 2] }], coded("EMBEDDING_BATCH", /input.data.length: got 3, expected 4/)],
    ["a shape of three", {}, [{ data: [0], shape: [1, 1, 1] }], coded("EMBEDDING_BATCH", /input.shape: got .*1, 1, 1.*, expected \[rows, columns\]/)],
    ["too few weights", {}, [[0, 1], [0], [1]], coded("EMBEDDING_WEIGHTS", /perSampleWeights: got 1 weights, expected 2/)],
    ["flat weights of rows", {}, [[[0, 1]], null, [1, 1]], coded("EMBEDDING_WEIGHTS", /got an array of one dimension, expected the input's shape \[1, 2\]/)],
    ["weights of another shape", {}, [[[0, 1]], null, [[1], [1]]], coded("EMBEDDING_WEIGHTS", /got shape \[2, 1\], expected the input's shape \[1, 2\]/)],
    ["weights of rows for flat input", {}, [[0, 1], [0], [[1, 1]]], coded("EMBEDDING_WEIGHTS", /got two dimensions/)],
    ["weights that are no numbers", {}, [[0], [0], ["1"]], coded("EMBEDDING_BATCH", /perSampleWeights\[0\]: got "1", expected a number/)],
    ["weights of a mean", { mode: "mean" }, [[0], [0], [1]], coded("EMBEDDING_WEIGHTS", /weights go with sum only/)],
  ]; // biome-ignore format: a table

  it.each(cases)("is refused, and the next is answered: %s", (_, options, args, error) => {
    const bag = bagOf(options);
    const call = args as Parameters<EmbeddingBag["forward"]>;
    expect(() => bag.forward(...call)).toThrow(error);
    expect([...bag.forward([0], options.includeLastOffset === true ? [0, 1] : [0])]).toEqual([1, 10]);
  });
});

describe("bad options", () => {
  it.each<[string, object, RegExp]>([
    ["no weight", { weight: undefined }, /weight: got undefined, expected the rows: this is inference/],
    ["a mode", { mode: "avg" }, /mode: got "avg", expected "sum", "mean" or "max"/],
    ["a padding", { paddingIdx: 4 }, /paddingIdx: got 4, expected an integer from -4 to 3/],
    ["a padding below", { paddingIdx: -5 }, /paddingIdx: got -5/],
    ["includeLastOffset", { includeLastOffset: 1 }, /includeLastOffset: got 1, expected true or false/],
    ["maxNorm", { maxNorm: 1 }, /maxNorm: got 1, expected no maxNorm: it rewrites rows while they are looked up/],
    ["normType", { normType: 2 }, /normType: .*goes with maxNorm/],
    ["scaleGradByFreq", { scaleGradByFreq: true }, /scaleGradByFreq: .*gradients/],
    ["sparse", { sparse: true }, /sparse: .*gradients/],
    ["device", { device: "cuda" }, /device: got "cuda"/],
    [
      "a name in torch's spelling",
      { padding_idx: 1 },
      /padding_idx: got 1, expected no such option; there are weight, packed, dtype, mode, paddingIdx/,
    ],
  ])("are refused by name: %s", (_, wrong, message) => {
    expect(() => bagOf(wrong as Settings)).toThrow(coded("EMBEDDING_OPTIONS", message));
  });

  it("are refused when the shape is wrong", () => {
    expect(() => new EmbeddingBag(0, 2, { weight: FLAT })).toThrow(
      coded("EMBEDDING_OPTIONS", /numEmbeddings: got 0, expected an integer from 1/),
    );
    expect(() => new EmbeddingBag(4, 2.5, { weight: FLAT })).toThrow(coded("EMBEDDING_OPTIONS", /embeddingDim: got 2.5/));
    expect(() => new EmbeddingBag(3, 2, { weight: FLAT })).toThrow(coded("EMBEDDING_TABLE_ROWS", /at least 8 values, expected 3 rows x 2/));
    expect(() => new EmbeddingBag(4, 3, { weight: ROWS })).toThrow(
      coded("EMBEDDING_TABLE_ROWS", /row 0: got 2 values, expected 3 numbers/),
    );
    expect(() => new EmbeddingBag(5, 2, { weight: ROWS })).toThrow(coded("EMBEDDING_TABLE_ROWS", /row 4: got nothing/));
    expect(() => new EmbeddingBag(4, 2, undefined as unknown as EmbeddingBagOptions)).toThrow(
      coded("EMBEDDING_OPTIONS", /options: got undefined/),
    );
  });
});

describe("fromPretrained", () => {
  it("takes the shape from the weight as far as it tells", () => {
    expect(EmbeddingBag.fromPretrained(ROWS)).toMatchObject({ numEmbeddings: 4, embeddingDim: 2, mode: "mean" });
    expect(EmbeddingBag.fromPretrained(ROWS.map((row) => Float32Array.from(row)))).toMatchObject({ numEmbeddings: 4, embeddingDim: 2 });
    expect(EmbeddingBag.fromPretrained(FLAT, { embeddingDim: 4, mode: "sum" })).toMatchObject({ numEmbeddings: 2, mode: "sum" });
    expect([...EmbeddingBag.fromPretrained(FLAT, { embeddingDim: 2, mode: "max" }).forward([0, 3], [0])]).toEqual([8, 80]);
    expect(EmbeddingBag.fromPretrained(() => undefined, { numEmbeddings: 3, embeddingDim: 5 })).toMatchObject({
      numEmbeddings: 3,
      embeddingDim: 5,
    });
  });

  it.each<[string, EmbeddingWeight, object, RegExp]>([
    ["no embeddingDim", FLAT, {}, /embeddingDim: got undefined, expected it/],
    ["chunks of unlike length", [FLAT.subarray(0, 3), FLAT.subarray(3)], {}, /embeddingDim: got undefined/],
    ["no numEmbeddings", () => undefined, { embeddingDim: 2 }, /numEmbeddings: got undefined, expected it/],
    ["an embeddingDim that does not divide", FLAT, { embeddingDim: 3 }, /weight: got "?8 values"?, expected a multiple of embeddingDim 3/],
    ["an embeddingDim of 0", FLAT, { embeddingDim: 0 }, /embeddingDim: got 0/],
    ["freeze", ROWS, { freeze: false }, /freeze: .*nothing is trained here/],
  ])("refuses %s", (_, weight, options, message) => {
    expect(() => EmbeddingBag.fromPretrained(weight, options)).toThrow(coded("EMBEDDING_OPTIONS", message));
  });
});
