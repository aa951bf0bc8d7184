import { describe, expect, it } from "@jest/globals";
import { type JaggedLengths, type JaggedOffsets, KeyedJaggedTensor } from "lagbag";

// Two features of three samples: f1 [0, 1] [] [2], f2 [3] [4] [5, 6, 7].
const KEYS = ["f1", "f2"];
const VALUES = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
const LENGTHS = Int32Array.of(2, 0, 1, 1, 1, 3);
const OFFSETS = Int32Array.of(0, 2, 2, 3, 4, 5, 8);
const WEIGHTS = Float32Array.from(VALUES, (value) => value / 2);

describe("a KeyedJaggedTensor", () => {
  it.each<[string, JaggedLengths | JaggedOffsets]>([
    ["lengths", { keys: KEYS, values: VALUES, lengths: LENGTHS, weights: WEIGHTS }],
    ["offsets", { keys: KEYS, values: VALUES, offsets: OFFSETS, weights: WEIGHTS }],
    ["lengths and a stride", { keys: KEYS, values: VALUES, lengths: LENGTHS, weights: WEIGHTS, stride: 3 }],
    ["plain numbers", { keys: KEYS, values: [...VALUES], lengths: [...LENGTHS], weights: [...WEIGHTS] }],
    ["int64 lengths", { keys: KEYS, values: VALUES, lengths: BigInt64Array.from(LENGTHS, BigInt), weights: WEIGHTS }],
    ["int64 offsets", { keys: KEYS, values: VALUES, offsets: BigInt64Array.from(OFFSETS, BigInt), weights: WEIGHTS }],
  ])("made of %s tells what TorchRec's tells", (_, parts) => {
    const jagged = new KeyedJaggedTensor(parts);
    expect(jagged.keys()).toEqual(KEYS);
    expect(jagged.values()).toEqual(VALUES);
    expect(jagged.weights()).toEqual(WEIGHTS);
    expect(jagged.weightsOrNull()).toEqual(WEIGHTS);
    expect(jagged.lengths()).toEqual(LENGTHS);
    expect(jagged.offsets()).toEqual(OFFSETS);
    expect(jagged.stride()).toBe(3);
    expect(jagged.lengthPerKey()).toEqual([3, 5]);
    expect(jagged.offsetPerKey()).toEqual([0, 3, 8]);
  });

  it("gives a key's bags as a JaggedTensor", () => {
    const jagged = KeyedJaggedTensor.fromLengthsSync({ keys: KEYS, values: VALUES, lengths: LENGTHS, weights: WEIGHTS });
    for (const second of [jagged.get("f2"), jagged.toDict().get("f2")]) {
      expect(second?.values()).toEqual(VALUES.subarray(3));
      expect(second?.weights()).toEqual(WEIGHTS.subarray(3));
      expect(second?.offsets()).toEqual(Int32Array.of(0, 1, 2, 5));
      expect(second?.lengths()).toEqual(Int32Array.of(1, 1, 3));
    }
    expect([...jagged.toDict().keys()]).toEqual(KEYS);
  });

  it("has no weights unless it was given some", () => {
    const jagged = KeyedJaggedTensor.fromOffsetsSync({ keys: KEYS, values: VALUES, offsets: OFFSETS });
    expect(jagged.weightsOrNull()).toBeNull();
    expect(jagged.get("f1").weightsOrNull()).toBeNull();
    expect(() => jagged.weights()).toThrow(expect.objectContaining({ code: "EMBEDDING_WEIGHTS" }));
    expect(() => jagged.get("f1").weights()).toThrow(expect.objectContaining({ code: "EMBEDDING_WEIGHTS" }));
  });

  it("keeps what it was given from later changes of the arrays that it checked", () => {
    const offsets = OFFSETS.slice();
    const keys = [...KEYS];
    const jagged = KeyedJaggedTensor.fromOffsetsSync({ keys, values: VALUES, offsets });
    offsets.fill(99);
    keys[0] = "other";
    expect(jagged.offsets()).toEqual(OFFSETS);
    expect(jagged.keys()).toEqual(KEYS);
  });

  it("may be empty in every direction", () => {
    const none = KeyedJaggedTensor.fromLengthsSync({ keys: [], values: [], lengths: [] });
    expect([none.stride(), none.lengthPerKey(), none.offsetPerKey()]).toEqual([0, [], [0]]);
    const noSamples = KeyedJaggedTensor.fromLengthsSync({ keys: KEYS, values: [], lengths: [] });
    expect([noSamples.stride(), noSamples.lengthPerKey(), [...noSamples.get("f2").offsets()]]).toEqual([0, [0, 0], [0]]);
    const noValues = KeyedJaggedTensor.fromLengthsSync({ keys: KEYS, values: [], lengths: [0, 0, 0, 0] });
    expect([noValues.stride(), noValues.lengthPerKey()]).toEqual([2, [0, 0]]);
  });

  it.each<[string, unknown, string, RegExp]>([
    ["nothing", undefined, "EMBEDDING_BATCH", /got undefined/],
    [
      "neither lengths nor offsets",
      { keys: KEYS, values: VALUES },
      "EMBEDDING_BATCH",
      /got both or neither, expected either lengths or offsets/,
    ],
    ["both", { keys: KEYS, values: VALUES, lengths: LENGTHS, offsets: OFFSETS }, "EMBEDDING_BATCH", /both or neither/],
    ["keys that are no array", { keys: "f1", values: VALUES, lengths: LENGTHS }, "EMBEDDING_BATCH", /keys: got "f1"/],
    ["a key that is no name", { keys: ["f1", 2], values: VALUES, lengths: LENGTHS }, "EMBEDDING_BATCH", /keys\[1\]: got 2/],
    ["a key twice", { keys: ["f1", "f1"], values: VALUES, lengths: LENGTHS }, "EMBEDDING_FEATURE_UNKNOWN", /keys\[1\]: got "f1" twice/],
    [
      "bags that are no multiple of keys",
      { keys: KEYS, values: [1], lengths: [1, 0, 0] },
      "EMBEDDING_BATCH",
      /got 3 bags, expected a multiple of the number of keys, 2/,
    ],
    [
      "a stride that does not fit",
      { keys: KEYS, values: VALUES, lengths: LENGTHS, stride: 2 },
      "EMBEDDING_BATCH",
      /got 6 bags, expected 2 keys x stride 2/,
    ],
    [
      "a sum of lengths that is not the values'",
      { keys: KEYS, values: [1, 2], lengths: [1, 0] },
      "EMBEDDING_OFFSETS",
      /lengths: got a sum of 1, expected 2/,
    ],
    ["a negative length", { keys: KEYS, values: [1], lengths: [2, -1] }, "EMBEDDING_OFFSETS", /lengths\[1\]: got -1, expected at least 0/],
    ["a first offset", { keys: KEYS, values: [1], offsets: [1, 1, 1] }, "EMBEDDING_OFFSETS", /offsets\[0\]: got 1, expected 0/],
    [
      "offsets that fall",
      { keys: KEYS, values: [1, 2], offsets: [0, 2, 1] },
      "EMBEDDING_OFFSETS",
      /offsets\[2\]: got 1, expected at least 2/,
    ],
    [
      "a last offset",
      { keys: KEYS, values: [1, 2], offsets: [0, 1, 1] },
      "EMBEDDING_OFFSETS",
      /offsets\[2\]: got 1, expected 2, the number of values/,
    ],
    ["no offsets", { keys: KEYS, values: [], offsets: [] }, "EMBEDDING_OFFSETS", /at least the last offset/],
    [
      "too few weights",
      { keys: KEYS, values: [1], lengths: [1, 0], weights: [] },
      "EMBEDDING_WEIGHTS",
      /weights.length: got 0, expected 1/,
    ],
    ["values that are no indices", { keys: KEYS, values: ["a"], lengths: [1, 0] }, "EMBEDDING_BATCH", /values\[0\]: got "a"/],
  ])("refuses %s", (_, parts, code, message) => {
    const make = (): unknown => new KeyedJaggedTensor(parts as JaggedLengths);
    expect(make).toThrow(expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message) }));
  });

  it("names the keys that there are when asked for another", () => {
    const jagged = KeyedJaggedTensor.fromOffsetsSync({ keys: KEYS, values: VALUES, offsets: OFFSETS });
    expect(() => jagged.get("f3")).toThrow(
      expect.objectContaining({ code: "EMBEDDING_FEATURE_UNKNOWN", message: 'key: got "f3", expected one of "f1", "f2"' }),
    );
  });
});
