/** Loads torch-api.json: what torch.nn.EmbeddingBag answers, made by tools/golden/make-torch-api.py, which describes the file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BagInput, BagWeights, EmbeddingBagOptions } from "lagbag";
import { PACKAGE_ROOT } from "../package/child.js";

/** A weight and its shape. */
export interface GoldenWeight {
  numEmbeddings: number;
  embeddingDim: number;
  rows: Float32Array;
}

/** A call of torch's module. */
export interface GoldenCall {
  name: string;
  weight: GoldenWeight;
  options: Omit<EmbeddingBagOptions, "weight">;
  indexType: "int32" | "int64";
  input: BagInput;
  offsets: Int32Array | BigInt64Array | undefined;
  weights: BagWeights | undefined;
  /** [bags, embeddingDim]; undefined: torch refused the call. */
  values: Float32Array | undefined;
}

interface CallInFile {
  name: string;
  weight: string;
  options: GoldenCall["options"];
  indexType: GoldenCall["indexType"];
  input: number[] | number[][];
  offsets?: number[];
  weights?: string;
  weightsShape?: number[];
  values?: string;
}

interface GoldenFile {
  weights: Record<string, { numEmbeddings: number; embeddingDim: number; rows: string }>;
  answered: CallInFile[];
  refused: CallInFile[];
}

function decode(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** One- and two-dimensional tensors as lagbag takes them: typed arrays, and { data, shape }. */
function tensor<T>(data: T, shape: readonly number[]): T | { data: T; shape: readonly [number, number] } {
  return shape.length === 1 ? data : { data, shape: [shape[0], shape[1]] };
}

export function loadTorchApi(): { answered: GoldenCall[]; refused: GoldenCall[] } {
  const file: GoldenFile = JSON.parse(readFileSync(join(PACKAGE_ROOT, "test", "golden", "torch-api.json"), "utf8"));
  const typed = (type: GoldenCall["indexType"], numbers: readonly number[]): Int32Array | BigInt64Array =>
    type === "int64" ? BigInt64Array.from(numbers, BigInt) : Int32Array.from(numbers);
  const load = (call: CallInFile): GoldenCall => {
    const { numEmbeddings, embeddingDim, rows } = file.weights[call.weight];
    const isFlat = typeof call.input[0] !== "object";
    const shape = isFlat ? [call.input.length] : [call.input.length, (call.input[0] as number[]).length];
    return {
      name: call.name,
      weight: { numEmbeddings, embeddingDim, rows: decode(rows) },
      options: call.options,
      indexType: call.indexType,
      input: tensor(typed(call.indexType, call.input.flat()), shape),
      offsets: call.offsets === undefined ? undefined : typed(call.indexType, call.offsets),
      weights: call.weights === undefined ? undefined : tensor(decode(call.weights), call.weightsShape ?? []),
      values: call.values === undefined ? undefined : decode(call.values),
    };
  };
  return { answered: file.answered.map(load), refused: file.refused.map(load) };
}
