import { parseJson } from "./json.js";
import { type Limits, MAX_NAME_BYTES, MAX_TENSORS } from "./limits.js";
import type { InferInput, InferRequest, RequestedOutput } from "./request.js";
import { invalid, RequestError } from "./request-error.js";
import { readShape, show } from "./tensors.js";

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the body of POST .../infer: JSON alone, or `headerBytes` of JSON and then the binary data of its tensors, back to back in their
 * order. Binary tensors are views of `body`.
 * @throws RequestError "invalid" or "too_large"
 */
export function readRestRequest(body: Buffer, headerBytes: number | undefined, limits: Pick<Limits, "maxJsonBytes">): InferRequest {
  if (headerBytes !== undefined && headerBytes > body.length) {
    throw invalid(`Inference-Header-Content-Length: got ${headerBytes}, expected at most the body's ${body.length} bytes`);
  }
  const jsonBytes = headerBytes ?? body.length;
  if (jsonBytes > limits.maxJsonBytes) {
    throw new RequestError(
      "too_large",
      `JSON: got ${jsonBytes} bytes, expected at most ${limits.maxJsonBytes}; send tensors as binary data`,
    );
  }
  const request = parseObject(body.toString("utf8", 0, jsonBytes));
  const parameters = optionalObject("parameters", request.parameters);
  const binary = { bytes: body, at: jsonBytes };
  const inputs = list("inputs", request.inputs).map((input, n) => readInput(input, `inputs[${n}]`, binary));
  if (binary.at !== body.length) {
    throw invalid(
      `binary data: got ${body.length - jsonBytes} bytes after the JSON, expected ${binary.at - jsonBytes} by the tensors' binary_data_size`,
    );
  }
  const binaryOutput = flag("parameters.binary_data_output", parameters.binary_data_output) ?? false;
  return {
    id: request.id === undefined ? undefined : text("id", request.id),
    inputs,
    binaryOutput,
    outputs:
      request.outputs === undefined
        ? undefined
        : list("outputs", request.outputs).map((one, n) => readOutput(one, `outputs[${n}]`, binaryOutput)),
    timeoutMs: readTimeout(parameters.timeout),
  };
}

/** A body of JSON, or none: an object, for endpoints with optional arguments. */
export function parseObject(json: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (error) {
    throw invalid(`body: not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  return object("body", value);
}

function readInput(value: unknown, where: string, binary: { bytes: Buffer; at: number }): InferInput {
  const input = object(where, value);
  const name = text(`${where}.name`, input.name);
  const parameters = optionalObject(`${where}.parameters`, input.parameters);
  refuseSharedMemory(name, parameters);
  const tensor = { name, datatype: text(`${where}.datatype`, input.datatype), shape: readShape(name, input.shape) };
  const size = parameters.binary_data_size;
  if (size === undefined) {
    if (input.data === undefined) throw invalid(`${name}: got no data, expected data or parameters.binary_data_size`);
    return { ...tensor, data: { kind: "json", value: input.data } };
  }
  if (input.data !== undefined) throw invalid(`${name}: got data and binary_data_size, expected one of them`);
  const left = binary.bytes.length - binary.at;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size > left) {
    throw invalid(`${name}: got binary_data_size ${show(size)}, expected 0 to ${left}, the bytes that are left of the body`);
  }
  const bytes = binary.bytes.subarray(binary.at, binary.at + size);
  binary.at += size;
  return { ...tensor, data: { kind: "raw", bytes } };
}

function readOutput(value: unknown, where: string, binaryOutput: boolean): RequestedOutput {
  const output = object(where, value);
  const name = text(`${where}.name`, output.name);
  const parameters = optionalObject(`${where}.parameters`, output.parameters);
  refuseSharedMemory(name, parameters);
  if (parameters.classification !== undefined) throw new RequestError("unimplemented", `${name}: classification is not supported`);
  return { name, binary: flag(`${where}.parameters.binary_data`, parameters.binary_data) ?? binaryOutput };
}

/** The `timeout` parameter: microseconds, 0 for none. @throws RequestError */
export function readTimeout(value: unknown): number | undefined {
  if (value === undefined || value === 0) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(`parameters.timeout: got ${show(value)}, expected microseconds, a whole number from 0`);
  }
  return value / 1000;
}

/** @throws RequestError "unimplemented" */
export function refuseSharedMemory(name: string, parameters: JsonObject): void {
  if (parameters.shared_memory_region === undefined) return;
  throw new RequestError("unimplemented", `${name}: shared memory regions are not supported; send data, or binary data`);
}

function object(where: string, value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${where}: got ${show(value)}, expected an object`);
  return value as JsonObject;
}

function optionalObject(where: string, value: unknown): JsonObject {
  return value === undefined ? {} : object(where, value);
}

function list(where: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${where}: got ${show(value)}, expected an array`);
  if (value.length > MAX_TENSORS) throw invalid(`${where}: got ${value.length}, expected at most ${MAX_TENSORS}`);
  return value;
}

function text(where: string, value: unknown): string {
  if (typeof value !== "string" || value.length > MAX_NAME_BYTES) {
    throw invalid(`${where}: got ${show(value)}, expected a string of at most ${MAX_NAME_BYTES} characters`);
  }
  return value;
}

function flag(where: string, value: unknown): boolean | undefined {
  if (value !== undefined && typeof value !== "boolean") throw invalid(`${where}: got ${show(value)}, expected true or false`);
  return value;
}
