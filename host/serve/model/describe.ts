import type { Datatype } from "../protocol/tensors.js";
import type { Model } from "./model.js";
import type { Duration } from "./statistics.js";

/** What this server says of itself and its models: plain objects in the protocol's words, the same on both wires. */

export const SERVER_NAME = "lagbag";
export const EXTENSIONS = ["binary_tensor_data", "model_configuration", "parameters", "statistics"];
export const PLATFORM = "lagbag";

/** Model metadata. */
export function describeModel(model: Model) {
  const [shape] = model.shapes;
  return {
    name: model.name,
    versions: [model.version],
    platform: PLATFORM,
    inputs: shape.inputs.map(({ name, datatypes, shape: sizes }) => ({ name, datatype: datatypes[0] as string, shape: [...sizes] })),
    outputs: [{ name: shape.output.name, datatype: "FP32", shape: [...shape.output.shape] }],
  };
}

/** Model configuration, as Triton's model_config.proto has it. */
export function configureModel(model: Model) {
  const [shape] = model.shapes;
  const parameters = {
    shapes: model.shapes.map(({ kind }) => kind).join(","),
    features: model.features.map(({ name, table, pooling = "sum" }) => `${name}=${pooling}(${table})`).join(","),
    tables: model.tables.map(({ name, numRows, dim }) => `${name}=${numRows}x${dim}`).join(","),
  };
  return {
    name: model.name,
    platform: PLATFORM,
    backend: SERVER_NAME,
    version_policy: { specific: { versions: [Number(model.version)] } },
    max_batch_size: 0,
    input: shape.inputs.map(({ name, datatypes, shape: dims, optional = false }) => ({
      name,
      data_type: configType(datatypes[0]),
      dims: [...dims],
      optional,
    })),
    output: [{ name: shape.output.name, data_type: configType("FP32"), dims: [...shape.output.shape] }],
    parameters: Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, { string_value: value }])),
  };
}

function configType(datatype: Datatype): string {
  return `TYPE_${datatype}`;
}

/** Statistics of a model. */
export function describeStatistics(model: Model) {
  const { statistics } = model;
  const stats = model.stats();
  return {
    name: model.name,
    version: model.version,
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: (stats?.steps ?? 0) + (stats?.inlineLookups ?? 0),
    inference_stats: {
      success: whole(statistics.success),
      fail: whole(statistics.fail),
      // The engine's queue is part of compute_infer: a lookup may wait for several steps.
      queue: { count: 0, ns: 0 },
      compute_input: whole(statistics.computeInput),
      compute_infer: whole(statistics.computeInfer),
      compute_output: whole(statistics.computeOutput),
      cache_hit: { count: 0, ns: 0 },
      cache_miss: { count: 0, ns: 0 },
    },
    batch_stats: [],
  };
}

function whole({ count, ns }: Duration): Duration {
  return { count, ns: Math.round(ns) };
}

/** An entry of the repository index. */
export function describeIndex({ name, version, state, reason }: Model) {
  return { name, version, state, reason };
}
