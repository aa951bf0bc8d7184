import { describe, expect, it } from "@jest/globals";
import { type BagInput, type BagWeights, EmbeddingBag, type Matrix } from "lagbag";
import { type GoldenCall, loadTorchApi } from "./golden.js";

/** As in test/reference.test.ts: PyTorch fuses multiply and add in weighted sums. */
const WEIGHTED_TOLERANCE = 3 * 2 ** -24;

const { answered, refused } = loadTorchApi();
const named = (calls: readonly GoldenCall[]): [string, GoldenCall][] => calls.map((call) => [call.name, call]);

/** One bag for each call, closed afterwards. */
function answer(
  { weight, options }: GoldenCall,
  input: BagInput,
  offsets: GoldenCall["offsets"],
  weights: BagWeights | undefined,
): Float32Array {
  const { rows, ...shape } = weight;
  const bag = EmbeddingBag.fromPretrained(rows, { ...shape, ...options });
  try {
    return bag.forward(input, offsets, weights);
  } finally {
    bag.close();
  }
}

const isMatrix = (value: unknown): value is Matrix<ArrayLike<number | bigint>> =>
  typeof value === "object" && value !== null && "shape" in value;

/** The same numbers as plain arrays: rows of rows for a matrix. */
function plain(value: BagInput | BagWeights): number[] | number[][] {
  if (!isMatrix(value)) return Array.from(value as ArrayLike<number | bigint>, Number);
  const [rows, columns] = value.shape;
  const all = Array.from(value.data, Number);
  return Array.from({ length: rows }, (_, row) => all.slice(row * columns, (row + 1) * columns));
}

describe("EmbeddingBag and torch.nn.EmbeddingBag", () => {
  it.each(named(answered.filter(({ weights }) => weights === undefined)))("agree to the bit: %s", (_, call) => {
    const got = answer(call, call.input, call.offsets, undefined);
    expect(got).toEqual(call.values);
    expect(answer(call, plain(call.input) as BagInput, call.offsets, undefined)).toEqual(got);
  });

  it.each(named(answered.filter(({ weights }) => weights !== undefined)))("agree but for the rounding of products: %s", (_, call) => {
    const got = answer(call, call.input, call.offsets, call.weights);
    const positive = { ...call, weight: { ...call.weight, rows: call.weight.rows.map(Math.abs) } };
    const weights = call.weights as Float32Array | Matrix<Float32Array>;
    const magnitudes = answer(
      positive,
      call.input,
      call.offsets,
      isMatrix(weights) ? { ...weights, data: weights.data.map(Math.abs) } : weights.map(Math.abs),
    );
    expect(got).toHaveLength(call.values?.length ?? Number.NaN);
    got.forEach((value, n) => {
      expect(Math.abs(value - (call.values?.[n] ?? Number.NaN))).toBeLessThanOrEqual(WEIGHTED_TOLERANCE * magnitudes[n]);
    });
    expect(answer(call, plain(call.input) as BagInput, call.offsets, plain(weights) as BagWeights)).toEqual(got);
  });

  it.each(named(refused))("both refuse: %s", (_, call) => {
    expect(() => answer(call, call.input, call.offsets, call.weights)).toThrow(
      expect.objectContaining({ name: "EmbeddingError", message: expect.stringMatching(/got .*, expected |weights go with sum only/) }),
    );
  });

  it("were asked about every mode, both index types, both layouts of offsets, and two dimensions", () => {
    expect(answered.length).toBeGreaterThan(400);
    expect(refused.length).toBeGreaterThan(15);
    for (const mode of [undefined, "sum", "mean", "max"]) {
      for (const type of ["int32", "int64"]) {
        for (const matrix of [false, true]) {
          const calls = answered.filter(
            ({ options, indexType, input }) => options.mode === mode && indexType === type && isMatrix(input) === matrix,
          );
          expect(calls.length).toBeGreaterThan(0);
          if (!matrix) expect(new Set(calls.map(({ options }) => options.includeLastOffset ?? false)).size).toBe(2);
        }
      }
    }
  });
});
