import type { Limits } from "../protocol/limits.js";
import type { InferInput, InferRequest } from "../protocol/request.js";
import { readTensor, type TensorSpec } from "../protocol/tensors.js";
import { checkOutputBytes, type ModelShape, offsetsOf, type PreparedLookup, type ShapeFeature, takeInputs } from "./shape.js";

const OUTPUT0 = "OUTPUT0";

/**
 * Rows by key, as NVIDIA's hierarchical parameter server has them:
 *
 *     KEYS INT64 [1, N], grouped by table, NUMKEYS INT32 [1, tables]: how many are each table's
 *     -> OUTPUT0 FP32 [sum of n_t * dim_t], the keys' rows in their order
 *
 * [N] and [tables] are taken as well.
 */
export class HpsShape implements ModelShape {
  readonly kind = "hps";
  readonly inputs: readonly TensorSpec[];
  readonly output = { name: OUTPUT0, shape: [-1] };
  readonly #features: readonly ShapeFeature[];
  readonly #picked: readonly string[];

  /** features: one for each table, in the order of NUMKEYS, with pooling "none". */
  constructor(features: readonly ShapeFeature[]) {
    this.#features = features;
    this.#picked = features.map(({ name }) => name);
    this.inputs = [
      { name: "KEYS", datatypes: ["INT64"], shape: [1, -1], otherShape: [-1] },
      { name: "NUMKEYS", datatypes: ["INT32"], shape: [1, features.length], otherShape: [features.length] },
    ];
  }

  prepare(request: InferRequest, limits: Limits): PreparedLookup {
    const taken = takeInputs(request, this.inputs);
    const [keys, counts] = this.inputs.map((spec, n) => readTensor(taken[n] as InferInput, spec)) as [BigInt64Array, Int32Array];
    const offsets = offsetsOf(counts, keys.length, { lengths: "NUMKEYS", values: "KEYS" });
    const floats = this.#features.reduce((sum, { dim }, table) => sum + counts[table] * dim, 0);
    checkOutputBytes(OUTPUT0, floats * 4, limits);
    return {
      batch: { batchSize: 1, indices: keys, offsets, features: this.#picked },
      samples: 1,
      rows: keys.length,
      gatheredBytes: floats * 4,
      outputBytes: floats * 4,
      output: (result) => ({
        name: OUTPUT0,
        datatype: "FP32",
        shape: [floats],
        parts: this.#picked.map((name) => result.jagged(name).values),
      }),
    };
  }
}
