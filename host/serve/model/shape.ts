import type { LookupBatch } from "../../lookup/batch.js";
import type { JaggedRows } from "../../lookup/result.js";
import type { Limits } from "../protocol/limits.js";
import type { InferInput, InferRequest, OutputTensor } from "../protocol/request.js";
import { invalid } from "../protocol/request-error.js";
import { show, type TensorSpec } from "../protocol/tensors.js";

/** What a shape reads of a lookup's result, of either kind. */
export interface ReadableResult {
  readonly values: Float32Array;
  jagged(name: string): JaggedRows;
}

/** A request as the engine takes it. */
export interface PreparedLookup {
  batch: LookupBatch;
  samples: number;
  /** Rows that it gathers, and the bytes of them as floats. */
  rows: number;
  gatheredBytes: number;
  /** Bytes of the output. */
  outputBytes: number;
  /** The output tensor over the views of a result. */
  output(result: ReadableResult): OutputTensor;
}

/** One of the two ways to ask a model: which tensors it takes and gives, and what they mean. */
export interface ModelShape {
  readonly kind: "pooled" | "hps";
  readonly inputs: readonly TensorSpec[];
  readonly output: { name: string; shape: readonly number[] };
  /** @throws RequestError "invalid" */
  prepare(request: InferRequest, limits: Limits): PreparedLookup;
}

/** A feature of the engine that a shape asks for. */
export interface ShapeFeature {
  name: string;
  dim: number;
}

/**
 * The inputs of a request in the order of `specs`, undefined where an optional one is not there: each known, given once, and none
 * missing that has to be there.
 * @throws RequestError "invalid"
 */
export function takeInputs({ inputs }: InferRequest, specs: readonly TensorSpec[]): (InferInput | undefined)[] {
  const taken = new Array<InferInput | undefined>(specs.length);
  for (const input of inputs) {
    const at = specs.findIndex(({ name }) => name === input.name);
    if (at < 0) {
      throw invalid(
        `inputs: got ${show(input.name)}, expected ${specs.map(({ name, optional }) => (optional ? `${name} (optional)` : name)).join(", ")}`,
      );
    }
    if (taken[at] !== undefined) throw invalid(`inputs: got ${show(input.name)} twice, expected each input once`);
    taken[at] = input;
  }
  const missing = specs.find(({ optional }, n) => !optional && taken[n] === undefined);
  if (missing !== undefined) {
    throw invalid(
      `inputs: got ${inputs.map(({ name }) => name).join(", ") || "none"}, expected ${missing.name} as well (${missing.datatypes.join(" or ")})`,
    );
  }
  return taken;
}

/**
 * Offsets of bags from their lengths.
 * @throws RequestError "invalid" when a length is negative or they do not add up to `total`
 */
export function offsetsOf(lengths: Int32Array, total: number, names: { lengths: string; values: string }): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  let sum = 0;
  for (let n = 0; n < lengths.length; n += 1) {
    const length = lengths[n];
    if (length < 0) throw invalid(`${names.lengths}: got ${length} at position ${n}, expected at least 0`);
    sum += length;
    if (sum > total) {
      throw invalid(`${names.lengths}: got a sum of ${sum} up to position ${n}, expected ${total} in all, the number of ${names.values}`);
    }
    offsets[n + 1] = sum;
  }
  if (sum !== total) throw invalid(`${names.lengths}: got a sum of ${sum}, expected ${total}, the number of ${names.values}`);
  return offsets;
}

/** @throws RequestError "invalid" */
export function checkOutputBytes(name: string, bytes: number, { maxResponseBytes }: Limits): void {
  if (bytes > maxResponseBytes) throw invalid(`${name}: got a request for ${bytes} bytes of output, expected at most ${maxResponseBytes}`);
}
