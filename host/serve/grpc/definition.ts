import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const PROTO = fileURLToPath(new URL("./open_inference_grpc.proto", import.meta.url));
const SERVICE = "inference.GRPCInferenceService";

/** The two RPCs of inference: their messages are read and written by protocol/grpc-*.ts, in place and bounded, and pass gRPC as bytes. */
const BYTES_METHODS = ["ModelInfer", "ModelStreamInfer"];

/** The service as grpc-js takes it. */
export function loadService(): ServiceDefinition {
  const loaded = loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true });
  const service = { ...(loaded[SERVICE] as ServiceDefinition) };
  const asIs = (bytes: Buffer): Buffer => bytes;
  for (const name of BYTES_METHODS) service[name] = { ...service[name], requestDeserialize: asIs, responseSerialize: asIs };
  return service;
}
