import { fileURLToPath } from "node:url";
import { loadSync } from "@grpc/proto-loader";
import type { Batch } from "../workloads/workload.js";
import { httpRequest } from "./http-client.js";

/** The model's name, and where it is asked. */
export const MODEL = "dlrm";
const INFER = `/v2/models/${MODEL}/infer`;
const PROTO = fileURLToPath(import.meta.resolve("lagbag/open_inference_grpc.proto"));

function bytesOf(values: Int32Array | BigInt64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** Indices as protocol clients send them, in 64 bits, and the lengths of the bags. */
function tensorsOf({ indices, offsets }: Batch): { indices: BigInt64Array; lengths: Int32Array } {
  const lengths = Int32Array.from({ length: offsets.length - 1 }, (_, bag) => offsets[bag + 1] - offsets[bag]);
  return { indices: BigInt64Array.from(indices, BigInt), lengths };
}

/** lagbag over REST, binary tensors both ways. */
export function restRequest(batch: Batch): Buffer {
  const { indices, lengths } = tensorsOf(batch);
  const input = (name: string, datatype: string, values: Int32Array | BigInt64Array) => ({
    name,
    datatype,
    shape: [values.length],
    parameters: { binary_data_size: values.byteLength },
  });
  const inputs = [input("INDICES", "INT64", indices), input("LENGTHS", "INT32", lengths)];
  const head = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }));
  const body = Buffer.concat([head, bytesOf(indices), bytesOf(lengths)]);
  return httpRequest(INFER, body, { "content-type": "application/octet-stream", "inference-header-content-length": head.length });
}

/** The plain handlers: the indices, and nothing else. */
export function plainRequest(path: string, batch: Batch): Buffer {
  return httpRequest(`${path}/${batch.batchSize}`, bytesOf(batch.indices), { "content-type": "application/octet-stream" });
}

/** An RPC whose answers are T. */
export interface Method<T> {
  path: string;
  requestSerialize(message: object): Buffer;
  responseDeserialize(bytes: Buffer): T;
}

/** ModelInfer as a client has it that was made from the .proto. */
export const MODEL_INFER = (
  loadSync(PROTO, { keepCase: true, longs: Number })["inference.GRPCInferenceService"] as unknown as Record<
    string,
    Method<{ raw_output_contents: Buffer[] }>
  >
).ModelInfer;

/** The same with answers that are not looked at. */
export const UNREAD: Method<Buffer> = { ...MODEL_INFER, responseDeserialize: (bytes) => bytes };

/** lagbag over gRPC, raw contents. */
export function grpcRequest(batch: Batch): object {
  const { indices, lengths } = tensorsOf(batch);
  return {
    model_name: MODEL,
    inputs: [
      { name: "INDICES", datatype: "INT64", shape: [indices.length] },
      { name: "LENGTHS", datatype: "INT32", shape: [lengths.length] },
    ],
    raw_input_contents: [bytesOf(indices), bytesOf(lengths)],
  };
}
