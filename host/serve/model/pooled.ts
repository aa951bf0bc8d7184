import type { Limits } from "../protocol/limits.js";
import type { InferRequest } from "../protocol/request.js";
import { invalid } from "../protocol/request-error.js";
import { readTensor, type TensorSpec } from "../protocol/tensors.js";
import { checkOutputBytes, type ModelShape, offsetsOf, type PreparedLookup, type ShapeFeature, takeInputs } from "./shape.js";

const INDICES: TensorSpec = { name: "INDICES", datatypes: ["INT64", "INT32"], shape: [-1] };
const LENGTHS: TensorSpec = { name: "LENGTHS", datatypes: ["INT32"], shape: [-1] };
const WEIGHTS: TensorSpec = { name: "WEIGHTS", datatypes: ["FP32"], shape: [-1], optional: true };
const POOLED = "POOLED";

/**
 * Pooled lookups of jagged bags, as TorchRec's KeyedJaggedTensor has them:
 *
 *     INDICES INT64 or INT32 [N], LENGTHS INT32 [features * batch], feature-major, WEIGHTS FP32 [N] (optional)
 *     -> POOLED FP32 [batch, sum of dims], columns in the features' order
 */
export class PooledShape implements ModelShape {
  readonly kind = "pooled";
  readonly inputs = [INDICES, LENGTHS, WEIGHTS];
  readonly output: { name: string; shape: readonly number[] };
  readonly #features: readonly ShapeFeature[];
  readonly #picked: readonly string[] | undefined;
  readonly #columns: number;

  /** picked: the features' names, when the engine has others besides. */
  constructor(features: readonly ShapeFeature[], picked: readonly string[] | undefined) {
    this.#features = features;
    this.#picked = picked;
    this.#columns = features.reduce((sum, { dim }) => sum + dim, 0);
    this.output = { name: POOLED, shape: [-1, this.#columns] };
  }

  prepare(request: InferRequest, limits: Limits): PreparedLookup {
    const taken = takeInputs(request, this.inputs);
    const read = (n: number) => (taken[n] === undefined ? undefined : readTensor(taken[n], this.inputs[n]));
    const indices = read(0) as Int32Array | BigInt64Array;
    const lengths = read(1) as Int32Array;
    const weights = read(2) as Float32Array | undefined;
    const samples = this.#batchSize(lengths.length, limits);
    if (weights !== undefined && weights.length !== indices.length) {
      throw invalid(`WEIGHTS: got ${weights.length} values, expected ${indices.length}, one for each of INDICES`);
    }
    const outputBytes = samples * this.#columns * 4;
    checkOutputBytes(POOLED, outputBytes, limits);
    const offsets = offsetsOf(lengths, indices.length, { lengths: "LENGTHS", values: "INDICES" });
    const shape = [samples, this.#columns];
    return {
      batch: { batchSize: samples, indices, offsets, weights, features: this.#picked },
      samples,
      rows: indices.length,
      gatheredBytes: this.#gatheredBytes(offsets, samples),
      outputBytes,
      output: ({ values }) => ({ name: POOLED, datatype: "FP32", shape, parts: [values] }),
    };
  }

  #batchSize(lengths: number, { maxBatchSize }: Limits): number {
    const features = this.#features.length;
    if (lengths % features !== 0)
      throw invalid(`LENGTHS: got ${lengths} values, expected a multiple of ${features}, the number of features`);
    const samples = lengths / features;
    if (samples > maxBatchSize) throw invalid(`LENGTHS: got a batch of ${samples}, expected at most ${maxBatchSize}`);
    return samples;
  }

  #gatheredBytes(offsets: Int32Array, samples: number): number {
    let bytes = 0;
    for (let f = 0; f < this.#features.length; f += 1) {
      bytes += (offsets[(f + 1) * samples] - offsets[f * samples]) * this.#features[f].dim * 4;
    }
    return bytes;
  }
}
