import { describe, expect, test } from "@jest/globals";
import type { InferInput } from "#host/serve/protocol/request.js";
import { RequestError } from "#host/serve/protocol/request-error.js";
import { readTensor, type TensorSpec } from "#host/serve/protocol/tensors.js";

const INT64: TensorSpec = { name: "X", datatypes: ["INT64", "INT32"], shape: [-1] };
const MATRIX: TensorSpec = { name: "X", datatypes: ["FP32"], shape: [-1, 2] };

function json(value: unknown, shape: number[], datatype = "INT64"): InferInput {
  return { name: "X", datatype, shape, data: { kind: "json", value } };
}

function raw(bytes: Uint8Array, shape: number[], datatype = "INT64"): InferInput {
  return { name: "X", datatype, shape, data: { kind: "raw", bytes } };
}

function refusal(input: InferInput, spec = INT64): string {
  try {
    readTensor(input, spec);
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError);
    expect((error as RequestError).kind).toBe("invalid");
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

describe("readTensor", () => {
  test("reads JSON, flat and nested, and 64-bit integers exactly", () => {
    expect(readTensor(json([1, 2n ** 63n - 1n, -(2n ** 63n)], [3]), INT64)).toEqual(BigInt64Array.of(1n, 2n ** 63n - 1n, -(2n ** 63n)));
    expect(readTensor(json([1, -2], [2], "INT32"), INT64)).toEqual(Int32Array.of(1, -2));
    const rows = Float32Array.of(1, 2.5, -3, 4);
    expect(
      readTensor(
        json(
          [
            [1, 2.5],
            [-3, 4],
          ],
          [2, 2],
          "FP32",
        ),
        MATRIX,
      ),
    ).toEqual(rows);
    expect(readTensor(json([1, 2.5, -3, 4], [2, 2], "FP32"), MATRIX)).toEqual(rows);
    expect(readTensor(json([], [0]), INT64)).toEqual(new BigInt64Array(0));
    expect(readTensor(json([], [0, 2], "FP32"), MATRIX)).toEqual(new Float32Array(0));
  });

  test("views aligned bytes and copies others, with the same values", () => {
    const values = BigInt64Array.of(5n, -6n, 7n);
    const aligned = new Uint8Array(values.buffer);
    const shifted = Buffer.alloc(25);
    shifted.set(aligned, 1);
    const view = readTensor(raw(aligned, [3]), INT64);
    expect(view).toEqual(values);
    expect(view.buffer).toBe(values.buffer);
    expect(readTensor(raw(shifted.subarray(1), [3]), INT64)).toEqual(values);
  });

  test.each([
    ["a datatype that the model does not take", json([1], [1], "FP64"), 'got datatype "FP64", expected INT64 or INT32'],
    ["a shape of other rank", json([[1]], [1, 1]), "got shape [1, 1], expected [-1]"],
    ["a negative size", json([], [-1]), "got shape [-1], expected [-1]"],
    ["a size that is no integer", json([1], [1.5]), "got shape [1.5]"],
    ["a shape that overflows", json([], [2 ** 31]), "expected at most 2147483647 elements"],
    ["too few values", json([1, 2], [3]), "got 2 values, expected 3 (shape [3])"],
    ["a string", json(["1"], [1]), 'got "1" at position 0, expected an integer of 64 bits'],
    ["a fraction", json([1.5], [1]), "got 1.5 at position 0"],
    ["null", json([null], [1]), "got null at position 0"],
    ["an integer past 64 bits", json([2n ** 63n], [1]), "got 9223372036854775808 at position 0"],
    ["an integer past 32 bits", json([2 ** 31], [1], "INT32"), "got 2147483648 at position 0, expected an integer of 32 bits"],
    ["no array", json({ length: 1 }, [1]), "got data an object, expected an array"],
    ["bytes that are too few", raw(new Uint8Array(15), [2]), "got 15 bytes, expected 16"],
    ["bytes that are too many", raw(new Uint8Array(24), [2]), "got 24 bytes, expected 16"],
  ])("refuses %s, with what was got and expected", (_, input, message) => {
    expect(refusal(input)).toContain(message);
  });

  test("refuses nested data that does not have its shape", () => {
    expect(refusal(json([[1], [2, 3, 4]], [2, 2], "FP32"), MATRIX)).toContain("got 1 values at depth 1, expected 2");
    expect(refusal(json([[1, 2], 3, 4], [3, 2], "FP32"), MATRIX)).toContain("got 3 at depth 1, expected an array");
    expect(refusal(json([[1, 2]], [2, 2], "FP32"), MATRIX)).toContain("got 1 values, expected 2");
    expect(refusal(json([[[1], 2]], [1, 2], "FP32"), MATRIX)).toContain("got an array at position 0");
  });

  test("refuses typed contents of another field, or of another number", () => {
    const typed = (fields: { name: string; count: number; values?: BigInt64Array }[]): InferInput => ({
      name: "X",
      datatype: "INT64",
      shape: [2],
      data: { kind: "typed", fields },
    });
    const values = BigInt64Array.of(1n, 2n);
    expect(readTensor(typed([{ name: "int64_contents", count: 2, values }]), INT64)).toEqual(values);
    expect(refusal(typed([{ name: "fp64_contents", count: 2 }]))).toContain("got 2 fp64_contents, expected int64_contents");
    expect(refusal(typed([{ name: "int64_contents", count: 1, values: values.subarray(1) }]))).toContain(
      "got 1 int64_contents, expected 2",
    );
    expect(refusal(typed([]))).toContain("got 0 int64_contents, expected 2");
  });
});
