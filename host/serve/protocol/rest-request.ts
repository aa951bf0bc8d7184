import { parseJson } from "./json.js";
import { type Limits, MAX_NAME_BYTES, MAX_TENSORS } from "./limits.js";
import type { InferInput, InferRequest, RequestedOutput } from "./request.js";
import { invalid, RequestError } from "./request-error.js";
import { readShape, show } from "./tensors.js";

type JsonObject = Readonly<Record<string, unknown>>;

/** An input of a request's JSON: its values, or how many bytes of the binary data are its. */
interface HeadInput {
  name: string;
  datatype: string;
  shape: readonly number[];
  data: { kind: "json"; value: unknown } | { kind: "binary"; bytes: number };
}

/** A request's JSON, checked as far as that is possible without the binary data. */
interface Head extends Omit<InferRequest, "inputs"> {
  inputs: readonly HeadInput[];
}

/** Heads of at most so many bytes are remembered, and at most so many of them: a client that sends tensors as binary data sends few different ones. */
const REMEMBERED_BYTES = 1024;
const REMEMBERED_HEADS = 256;

/** Reads the bodies of POST .../infer. */
export class RestRequestReader {
  readonly #limits: Pick<Limits, "maxJsonBytes">;
  readonly #heads = new Map<string, Head>();

  constructor(limits: Pick<Limits, "maxJsonBytes">) {
    this.#limits = limits;
  }

  /**
   * Reads a body: JSON alone, or `headerBytes` of JSON and then the binary data of its tensors, back to back in their order. Binary
   * tensors are views of `body`, or of one copy of its binary data.
   * @throws RequestError "invalid" or "too_large"
   */
  read(body: Buffer, headerBytes: number | undefined): InferRequest {
    if (headerBytes !== undefined && headerBytes > body.length) {
      throw invalid(`Inference-Header-Content-Length: got ${headerBytes}, expected at most the body's ${body.length} bytes`);
    }
    const jsonBytes = headerBytes ?? body.length;
    const { maxJsonBytes } = this.#limits;
    if (jsonBytes > maxJsonBytes) {
      throw new RequestError("too_large", `JSON: got ${jsonBytes} bytes, expected at most ${maxJsonBytes}; send tensors as binary data`);
    }
    const head =
      headerBytes === undefined || headerBytes > REMEMBERED_BYTES ? readHead(body, jsonBytes) : this.#remembered(body, headerBytes);
    return { ...head, inputs: cutBinaryData(head.inputs, body, jsonBytes) };
  }

  /** The head of these bytes, which may have been read before. */
  #remembered(body: Buffer, headerBytes: number): Head {
    const bytes = body.toString("latin1", 0, headerBytes);
    const known = this.#heads.get(bytes);
    if (known !== undefined) return known;
    const head = readHead(body, headerBytes);
    // Values are not kept: a head that has some is read once more when it comes again.
    if (head.inputs.some(({ data }) => data.kind === "json")) return head;
    if (this.#heads.size >= REMEMBERED_HEADS) this.#heads.clear();
    this.#heads.set(bytes, head);
    return head;
  }
}

function readHead(body: Buffer, jsonBytes: number): Head {
  const request = parseObject(body.toString("utf8", 0, jsonBytes));
  const parameters = optionalObject("parameters", request.parameters);
  const binaryOutput = flag("parameters.binary_data_output", parameters.binary_data_output) ?? false;
  return {
    id: request.id === undefined ? undefined : text("id", request.id),
    inputs: list("inputs", request.inputs).map((input, n) => readInput(input, `inputs[${n}]`)),
    binaryOutput,
    outputs:
      request.outputs === undefined
        ? undefined
        : list("outputs", request.outputs).map((one, n) => readOutput(one, `outputs[${n}]`, binaryOutput)),
    timeoutMs: readTimeout(parameters.timeout),
  };
}

/** Elements of tensors have up to so many bytes, and are viewed in place where they lie at a multiple of it. */
const ALIGN = 8;

/** The binary data behind the JSON, at an address at which its tensors can be viewed: one copy instead of one for each tensor. */
function alignedData(body: Buffer, start: number): Buffer {
  if ((body.byteOffset + start) % ALIGN === 0) return body.subarray(start);
  // Node's pool hands out multiples of 8.
  const copy = Buffer.allocUnsafe(body.length - start);
  body.copy(copy, 0, start);
  return copy;
}

/** The inputs with their part of the binary data, which has to be used up. */
function cutBinaryData(inputs: readonly HeadInput[], body: Buffer, start: number): InferInput[] {
  const binary = alignedData(body, start);
  let at = 0;
  const cut = inputs.map(({ name, datatype, shape, data }): InferInput => {
    if (data.kind === "json") return { name, datatype, shape, data };
    const left = binary.length - at;
    if (data.bytes > left)
      throw invalid(`${name}: got binary_data_size ${data.bytes}, expected 0 to ${left}, the bytes that are left of the body`);
    const bytes = binary.subarray(at, at + data.bytes);
    at += data.bytes;
    return { name, datatype, shape, data: { kind: "raw", bytes } };
  });
  if (at !== binary.length) {
    throw invalid(`binary data: got ${binary.length} bytes after the JSON, expected ${at} by the tensors' binary_data_size`);
  }
  return cut;
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

function readInput(value: unknown, where: string): HeadInput {
  const input = object(where, value);
  const name = text(`${where}.name`, input.name);
  const parameters = optionalObject(`${where}.parameters`, input.parameters);
  refuseSharedMemory(name, parameters);
  const tensor = { name, datatype: text(`${where}.datatype`, input.datatype), shape: readShape(name, input.shape) };
  const bytes = parameters.binary_data_size;
  if (bytes === undefined) {
    if (input.data === undefined) throw invalid(`${name}: got no data, expected data or parameters.binary_data_size`);
    return { ...tensor, data: { kind: "json", value: input.data } };
  }
  if (input.data !== undefined) throw invalid(`${name}: got data and binary_data_size, expected one of them`);
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw invalid(`${name}: got binary_data_size ${show(bytes)}, expected a whole number from 0`);
  }
  return { ...tensor, data: { kind: "binary", bytes } };
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
