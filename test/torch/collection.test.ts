import { describe, expect, it } from "@jest/globals";
import {
  type CollectionOptions,
  EmbeddingBag,
  EmbeddingBagCollection,
  type EmbeddingBagConfig,
  KeyedJaggedTensor,
  type KeyedTensor,
} from "lagbag";
import { seededRandom } from "../cases.js";
import { MEMORY_MODES } from "../engine/open.js";
import { runScript } from "../package/child.js";

const random = seededRandom(20261125);
const integer = (limit: number): number => Math.floor(random() * limit);
const floats = (length: number): Float32Array => Float32Array.from({ length }, () => random() * 2 - 1);

function coded(code: string, message: RegExp, more: object = {}): Error {
  return expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message), ...more }) as unknown as Error;
}

const table = (name: string, embeddingDim: number, more: Partial<EmbeddingBagConfig> = {}): EmbeddingBagConfig => ({
  name,
  embeddingDim,
  numEmbeddings: 10,
  weight: floats(10 * embeddingDim),
  ...more,
});

/** A batch of every feature of `keys`, bags of 0 to 3 values, in one of the two index types. */
function batchOf(keys: readonly string[], stride: number, weighted = false, int64 = false): KeyedJaggedTensor {
  const lengths = Int32Array.from({ length: keys.length * stride }, () => integer(4));
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const numbers = Array.from({ length: count }, () => integer(10));
  const values = int64 ? BigInt64Array.from(numbers, BigInt) : Int32Array.from(numbers);
  return KeyedJaggedTensor.fromLengthsSync({ keys, values, lengths, ...(weighted ? { weights: floats(count) } : {}) });
}

/** What the collection is by definition: for each table and feature an EmbeddingBag with include_last_offset, side by side. */
function byBags(options: CollectionOptions, features: KeyedJaggedTensor): Map<string, Float32Array> {
  const out = new Map<string, Float32Array>();
  for (const { name, numEmbeddings, embeddingDim, weight, featureNames = [name], pooling = "sum" } of options.tables) {
    const bag = new EmbeddingBag(numEmbeddings, embeddingDim, { weight, mode: pooling, includeLastOffset: true });
    for (const feature of featureNames) {
      const { length } = options.tables.filter((other) => (other.featureNames ?? [other.name]).includes(feature));
      const jagged = features.get(feature);
      const weights = options.isWeighted === true ? jagged.weights() : undefined;
      out.set(length > 1 ? `${feature}@${name}` : feature, bag.forward(jagged.values(), jagged.offsets(), weights));
    }
    bag.close();
  }
  return out;
}

function check(result: KeyedTensor, want: Map<string, Float32Array>): void {
  expect(result.keys()).toEqual([...want.keys()]);
  expect(result.toDict()).toEqual(want);
  for (const [key, rows] of want) expect(result.get(key)).toEqual(rows);
}

const SHARED: CollectionOptions = {
  tables: [
    table("t1", 3, { featureNames: ["f1", "f2"], pooling: "mean" }),
    table("t2", 5, { featureNames: ["f2"] }),
    table("f3", 16),
    table("t4", 1, { featureNames: ["f4", "f5"] }),
  ],
};
const WEIGHTED: CollectionOptions = { isWeighted: true, tables: SHARED.tables.map((one) => ({ ...one, pooling: "sum" })) };
const KEYS = ["f1", "f2", "f3", "f4", "f5"];

describe("an EmbeddingBagCollection", () => {
  it("answers the example of TorchRec's documentation", () => {
    const weights = [new Float32Array(30).map((_, n) => n), new Float32Array(40).map((_, n) => 100 * n)];
    const collection = new EmbeddingBagCollection({
      tables: [
        { name: "t1", embeddingDim: 3, numEmbeddings: 10, featureNames: ["f1"], weight: weights[0] },
        { name: "t2", embeddingDim: 4, numEmbeddings: 10, featureNames: ["f2"], weight: weights[1] },
      ],
    });
    const features = new KeyedJaggedTensor({ keys: ["f1", "f2"], values: [0, 1, 2, 3, 4, 5, 6, 7], offsets: [0, 2, 2, 3, 4, 5, 8] });
    const pooled = collection.forward(features);
    expect(pooled.keys()).toEqual(["f1", "f2"]);
    expect(pooled.offsetPerKey()).toEqual([0, 3, 7]);
    expect(pooled.lengthPerKey()).toEqual([3, 4]);
    expect(pooled.shape()).toEqual([3, 7]);
    expect([...pooled.values()]).toEqual([
      ...[3, 5, 7, 1200, 1300, 1400, 1500],
      ...[0, 0, 0, 1600, 1700, 1800, 1900],
      ...[6, 7, 8, 7200, 7500, 7800, 8100],
    ]);
  });

  it.each([
    ["int32", false],
    ["int64", true],
  ])("is an EmbeddingBag for each table and feature, %s", (_, int64) => {
    for (const options of [SHARED, WEIGHTED]) {
      const collection = new EmbeddingBagCollection(options);
      for (const stride of [0, 1, 2, 33]) {
        const features = batchOf(KEYS, stride, true, int64);
        check(collection.forward(features), byBags(options, features));
      }
    }
  });

  it("does not care in which order the keys come, nor about keys that no table has", () => {
    for (const options of [SHARED, WEIGHTED]) {
      const collection = new EmbeddingBagCollection(options);
      const features = batchOf(["f5", "other", "f3", "f2", "f4", "f1"], 7, true);
      check(collection.forward(features), byBags(options, features));
    }
  });

  it("names the columns of a feature that several tables have after both", () => {
    const collection = new EmbeddingBagCollection(SHARED);
    expect(collection.embeddingNames()).toEqual(["f1", "f2@t1", "f2@t2", "f3", "f4", "f5"]);
    expect(collection.isWeighted()).toBe(false);
  });

  it("takes keys in the tables' own order as they are", () => {
    const options: CollectionOptions = { tables: [table("a", 2), table("b", 3)] };
    const features = batchOf(["a", "b"], 5);
    check(new EmbeddingBagCollection(options).forward(features), byBags(options, features));
  });

  it("does not look at weights unless it is weighted", () => {
    const collection = new EmbeddingBagCollection(SHARED);
    const parts = { keys: KEYS, values: [1, 2, 3, 4, 5], lengths: [1, 1, 1, 1, 1] };
    const plain = collection.forward(KeyedJaggedTensor.fromLengthsSync(parts));
    expect(collection.forward(KeyedJaggedTensor.fromLengthsSync({ ...parts, weights: [9, 9, 9, 9, 9] })).values()).toEqual(plain.values());
  });

  it("gives an array of the caller's own each time, also when lookups overlap", async () => {
    const collection = new EmbeddingBagCollection(SHARED);
    const batches = [batchOf(KEYS, 3), batchOf(KEYS, 3)];
    const want = batches.map((batch) => byBags(SHARED, batch));
    const results = await Promise.all(batches.map((batch) => collection.forwardAsync(batch)));
    results.forEach((result, n) => {
      check(result, want[n]);
    });
    await collection.close();
  });

  it("ends its process by itself, and loads no thread pool", () => {
    const run = runScript(`
      import { EmbeddingBagCollection, KeyedJaggedTensor } from "lagbag";
      const c = new EmbeddingBagCollection({ tables: [{ name: "t", embeddingDim: 1, numEmbeddings: 2, weight: [[1], [2]] }] });
      console.log(c.forward(KeyedJaggedTensor.fromLengthsSync({ keys: ["t"], values: [0, 1], lengths: [2] })).values().join());
    `);
    expect(run).toMatchObject({ stdout: "3\n", exitCode: 0 });
    expect(run.modules.filter((module) => module.includes("piscina"))).toEqual([]);
  });

  it("is closed by close()", async () => {
    const collection = new EmbeddingBagCollection(SHARED);
    await collection[Symbol.asyncDispose]();
    expect(() => collection.forward(batchOf(KEYS, 1))).toThrow(coded("EMBEDDING_CLOSED", /closed/));
    await expect(collection.forwardAsync(batchOf(KEYS, 1))).rejects.toEqual(coded("EMBEDDING_CLOSED", /closed/));
  });
});

describe.each(MEMORY_MODES)("with ranks, memory %s", (memory) => {
  it("gives the same bits, here and on the ranks", async () => {
    for (const options of [SHARED, WEIGHTED]) {
      const collection = await EmbeddingBagCollection.open({ ...options, ranks: 2, inline: "never", memory });
      try {
        const features = batchOf(["f3", "f1", "f5", "f4", "f2"], 9, true);
        const want = byBags(options, features);
        check(collection.forward(features), want);
        check(await collection.forwardAsync(features, { timeoutMs: 20_000 }), want);
        expect(collection.engine.stats().ranks.length).toBe(2);
        expect(collection.engine.stats().steps).toBe(1);
      } finally {
        await collection.close();
      }
    }
  });

  it("rejects what is too late or was given up", async () => {
    const collection = await EmbeddingBagCollection.open({ ...SHARED, ranks: 1, memory });
    const signal = AbortSignal.abort("enough");
    await expect(collection.forwardAsync(batchOf(KEYS, 1), { signal })).rejects.toEqual(coded("EMBEDDING_ABORTED", /./));
    await collection.close();
  });
});

describe("a bad batch", () => {
  it("is refused with the feature, the sample and the position in the batch's own values", async () => {
    const collection = new EmbeddingBagCollection(SHARED);
    const values = [0, 1, 2, 3, 4, 5, 6, 12, 8, 9];
    const straight = ["f1", "f2", "f3", "f4", "f5"];
    for (const keys of [straight, [...straight].reverse()]) {
      const features = KeyedJaggedTensor.fromLengthsSync({ keys, values, lengths: new Array(10).fill(1) });
      const error = coded("EMBEDDING_INDEX_RANGE", /^values\[7\] \(feature "(f2@t1|f4)", sample 1\): got 12, expected 0 <= index < 10/, {
        position: 7,
        sample: 1,
        feature: keys[3] === "f2" ? "f2@t1" : keys[3],
      });
      expect(() => collection.forward(features)).toThrow(error);
      await expect(collection.forwardAsync(features)).rejects.toEqual(error);
    }
    const shared = KeyedJaggedTensor.fromLengthsSync({ keys: straight, values: [0, 10, 0, 0, 0], lengths: [1, 1, 1, 1, 1] });
    expect(() => collection.forward(shared)).toThrow(coded("EMBEDDING_INDEX_RANGE", /^values\[1\] \(feature "f2@t1"/, { position: 1 }));
  });

  it("is refused when it lacks a feature, or weights, or is something else", () => {
    const collection = new EmbeddingBagCollection(SHARED);
    expect(() => collection.forward(batchOf(["f1", "f2", "f3", "f4"], 2))).toThrow(
      coded("EMBEDDING_FEATURE_UNKNOWN", /the batch lacks a feature of the collection: key: got "f5", expected one of "f1", "f2"/, {
        feature: "f5",
      }),
    );
    expect(() => new EmbeddingBagCollection(WEIGHTED).forward(batchOf(KEYS, 2))).toThrow(coded("EMBEDDING_WEIGHTS", /weights: got none/));
    expect(() => collection.forward({} as KeyedJaggedTensor)).toThrow(coded("EMBEDDING_BATCH", /expected one \(KeyedJaggedTensor/));
  });
});

describe("bad options", () => {
  const one = table("t", 2);
  it.each<[string, object, RegExp]>([
    ["no options", undefined as unknown as object, /options: got undefined/],
    ["no tables", { tables: [] }, /tables: got Array, expected an array with at least one table/],
    ["a table twice", { tables: [one, one] }, /tables: got "t@t", expected a column name/],
    [
      "a table's name twice",
      { tables: [table("t", 2, { featureNames: ["a"] }), table("t", 2, { featureNames: ["b"] })] },
      /tables\[1\].name: got "t"/,
    ],
    [
      "a feature twice",
      { tables: [table("t", 2, { featureNames: ["a", "a"] })] },
      /tables\[0\].featureNames\[1\]: got "a", expected a name that the table has once/,
    ],
    ["a feature that is no name", { tables: [table("t", 2, { featureNames: [""] })] }, /featureNames\[0\]: got ""/],
    [
      "two columns of one name",
      { tables: [table("t", 2, { featureNames: ["f", "f@u"] }), table("u", 2, { featureNames: ["f"] })] },
      /tables: got "f@u"/,
    ],
    ["max", { tables: [{ ...one, pooling: "max" }] }, /tables\[0\].pooling: got "max", expected "sum" or "mean"/],
    [
      "weights of a mean",
      { isWeighted: true, tables: [{ ...one, pooling: "mean" }] },
      /pooling: got "mean", expected "sum", as isWeighted/,
    ],
    ["no weight", { tables: [{ ...one, weight: undefined }] }, /tables\[0\].weight: got undefined, expected the rows/],
    ["a dim", { tables: [{ ...one, embeddingDim: 0 }] }, /tables\[0\].embeddingDim: got 0/],
    ["a number of rows", { tables: [{ ...one, numEmbeddings: -1 }] }, /tables\[0\].numEmbeddings: got -1/],
    ["isWeighted", { tables: [one], isWeighted: "yes" }, /isWeighted: got "yes"/],
  ])("are refused by name: %s", async (_, options, message) => {
    expect(() => new EmbeddingBagCollection(options as CollectionOptions)).toThrow(coded("EMBEDDING_OPTIONS", message));
    await expect(EmbeddingBagCollection.open({ ...(options as CollectionOptions), ranks: 1 })).rejects.toMatchObject({
      code: "EMBEDDING_OPTIONS",
    });
  });
});
