import { MAX_DIMENSIONS, MAX_NAME_BYTES, MAX_TENSORS } from "./limits.js";
import type { InferInput, InferRequest, RequestedOutput, TypedField } from "./request.js";
import { invalid } from "./request-error.js";
import { readTimeout, refuseSharedMemory } from "./rest-request.js";
import { readShape } from "./tensors.js";
import { WIRE, WireReader } from "./wire.js";

/** An inference request with the model that it is for: on gRPC that stands inside. */
export interface GrpcRequest extends InferRequest {
  modelName: string;
  modelVersion: string;
}

/** Names of InferTensorContents' fields, by number. */
const CONTENTS = [
  "",
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
] as const;
const FIXED_BYTES: Readonly<Record<string, number>> = { fp32_contents: 4, fp64_contents: 8 };

/** An input before it is known which bytes are its. */
interface OpenInput {
  name: string;
  datatype: string;
  shape: number[];
  fields: TypedField[];
}

/**
 * Reads a ModelInferRequest. Raw contents are views of `bytes`; typed contents go straight to typed arrays.
 * @throws RequestError
 */
export function readGrpcRequest(bytes: Buffer): GrpcRequest {
  const reader = new WireReader(bytes);
  const request: { modelName: string; modelVersion: string; id: string | undefined } = { modelName: "", modelVersion: "", id: undefined };
  const inputs: OpenInput[] = [];
  const outputs: RequestedOutput[] = [];
  const raw: Buffer[] = [];
  let timeoutMs: number | undefined;
  while (reader.next()) {
    if (reader.field === 1) request.modelName = reader.text("model_name", MAX_NAME_BYTES);
    else if (reader.field === 2) request.modelVersion = reader.text("model_version", MAX_NAME_BYTES);
    else if (reader.field === 3) request.id = reader.text("id", MAX_NAME_BYTES) || undefined;
    else if (reader.field === 4) {
      const { key, value } = readParameter(reader.message("parameters"));
      if (key === "timeout") timeoutMs = readTimeout(value);
    } else if (reader.field === 5) push("inputs", inputs, readInput(reader.message("inputs")));
    else if (reader.field === 6) push("outputs", outputs, readOutput(reader.message("outputs")));
    else if (reader.field === 7) {
      const { start, end } = reader.extent("raw_input_contents");
      push("raw_input_contents", raw, bytes.subarray(start, end));
    } else reader.skip();
  }
  return {
    ...request,
    inputs: joinData(inputs, raw),
    outputs: outputs.length === 0 ? undefined : outputs,
    binaryOutput: true,
    timeoutMs,
  };
}

function push<T>(what: string, to: T[], one: T): void {
  if (to.length >= MAX_TENSORS) throw invalid(`${what}: got more than ${MAX_TENSORS}, expected at most ${MAX_TENSORS}`);
  to.push(one);
}

function joinData(inputs: readonly OpenInput[], raw: readonly Buffer[]): InferInput[] {
  if (raw.length === 0) {
    return inputs.map(({ fields, ...input }) => ({ ...input, data: { kind: "typed", fields } }));
  }
  if (raw.length !== inputs.length) {
    throw invalid(`raw_input_contents: got ${raw.length}, expected ${inputs.length}, one for each of inputs, or none`);
  }
  return inputs.map(({ fields, ...input }, n) => {
    if (fields.length > 0) throw invalid(`${input.name}: got contents and raw_input_contents, expected one of them`);
    return { ...input, data: { kind: "raw", bytes: raw[n] } };
  });
}

function readInput(reader: WireReader): OpenInput {
  const input: OpenInput = { name: "", datatype: "", shape: [], fields: [] };
  const parameters: Record<string, unknown> = {};
  while (reader.next()) {
    if (reader.field === 1) input.name = reader.text("inputs.name", MAX_NAME_BYTES);
    else if (reader.field === 2) input.datatype = reader.text("inputs.datatype", MAX_NAME_BYTES);
    else if (reader.field === 3) readSizes(reader, input.shape);
    else if (reader.field === 4) noteSharedMemory(reader, parameters);
    else if (reader.field === 5) input.fields = readContents(reader.message("contents"));
    else reader.skip();
  }
  refuseSharedMemory(input.name, parameters);
  readShape(input.name, input.shape);
  return input;
}

function readOutput(reader: WireReader): RequestedOutput {
  const output: RequestedOutput = { name: "", binary: true };
  const parameters: Record<string, unknown> = {};
  while (reader.next()) {
    if (reader.field === 1) output.name = reader.text("outputs.name", MAX_NAME_BYTES);
    else if (reader.field === 2) noteSharedMemory(reader, parameters);
    else reader.skip();
  }
  refuseSharedMemory(output.name, parameters);
  return output;
}

function noteSharedMemory(reader: WireReader, parameters: Record<string, unknown>): void {
  const { key, value } = readParameter(reader.message("parameters"));
  if (key === "shared_memory_region") parameters[key] = value ?? "";
}

/** Sizes of a shape, packed or one by one. */
function readSizes(reader: WireReader, shape: number[]): void {
  const packed = reader.wire === WIRE.BYTES ? reader.message("shape") : undefined;
  const from = packed ?? reader;
  if (packed !== undefined) packed.wire = WIRE.VARINT;
  while (packed === undefined || packed.at < packed.end) {
    if (shape.length > MAX_DIMENSIONS) return;
    shape.push(from.safeInteger("shape"));
    if (packed === undefined) return;
  }
}

/** An entry of a parameter map: InferParameter's bool, int64 or string; other choices are undefined. */
function readParameter(reader: WireReader): { key: string; value: unknown } {
  let key = "";
  let value: unknown;
  while (reader.next()) {
    if (reader.field === 1) key = reader.text("parameters.key", MAX_NAME_BYTES);
    else if (reader.field === 2) {
      const choice = reader.message("parameters.value");
      while (choice.next()) {
        if (choice.field === 1) value = choice.safeInteger("bool_param") !== 0;
        else if (choice.field === 2) value = choice.safeInteger("int64_param");
        else if (choice.field === 3) value = choice.text("string_param", MAX_NAME_BYTES);
        else choice.skip();
      }
    } else reader.skip();
  }
  return { key, value };
}

/** Typed contents: counted first, so that each array is allocated once, in its size. */
function readContents(reader: WireReader): TypedField[] {
  const counts = new Array<number>(CONTENTS.length).fill(0);
  const { at } = reader;
  while (reader.next()) {
    const name = CONTENTS[reader.field];
    if (name === undefined) reader.skip();
    else counts[reader.field] += countElements(reader, name);
  }
  const fields: TypedField[] = [];
  for (const [field, count] of counts.entries()) {
    if (count === 0) continue;
    const name = CONTENTS[field];
    reader.at = at;
    if (name === "int64_contents") fields.push({ name, count, values: readIntegers(reader, field, new BigInt64Array(count)) });
    else if (name === "int_contents") fields.push({ name, count, values: readIntegers(reader, field, new Int32Array(count)) });
    else if (name === "fp32_contents") fields.push({ name, count, values: readFloats(reader, field, new Float32Array(count)) });
    else fields.push({ name, count });
  }
  return fields;
}

/** Elements of one occurrence of a repeated field, which is skipped. */
function countElements(reader: WireReader, name: string): number {
  if (reader.wire !== WIRE.BYTES || name === "bytes_contents") {
    reader.skip();
    return 1;
  }
  const { start, end } = reader.extent(name);
  const fixed = FIXED_BYTES[name];
  if (fixed !== undefined) {
    if ((end - start) % fixed !== 0) throw invalid(`${name}: got ${end - start} bytes, expected a multiple of ${fixed}`);
    return (end - start) / fixed;
  }
  let count = 0;
  for (let n = start; n < end; n += 1) count += reader.bytes[n] < 0x80 ? 1 : 0;
  return count;
}

/** Varints of a field, packed or not. */
function readIntegers<A extends BigInt64Array | Int32Array>(reader: WireReader, field: number, values: A): A {
  const words = new Uint32Array(values.buffer);
  const step = values.BYTES_PER_ELEMENT / 4;
  let to = 0;
  const take = (from: WireReader): void => {
    from.varint();
    words[to] = from.low;
    if (step === 2) words[to + 1] = from.high;
    to += step;
  };
  while (reader.next()) {
    if (reader.field !== field) reader.skip();
    else if (reader.wire === WIRE.BYTES) for (const packed = reader.message(CONTENTS[field]); packed.at < packed.end; ) take(packed);
    else {
      reader.expect(WIRE.VARINT, CONTENTS[field]);
      take(reader);
    }
  }
  return values;
}

function readFloats(reader: WireReader, field: number, values: Float32Array): Float32Array {
  const to = new Uint8Array(values.buffer);
  let at = 0;
  while (reader.next()) {
    if (reader.field !== field) {
      reader.skip();
      continue;
    }
    if (reader.wire !== WIRE.BYTES) reader.expect(WIRE.FIXED32, CONTENTS[field]);
    const { start, end } = reader.wire === WIRE.BYTES ? reader.extent(CONTENTS[field]) : { start: reader.at, end: reader.at + 4 };
    if (reader.wire !== WIRE.BYTES) reader.jump(4);
    to.set(reader.bytes.subarray(start, end), at);
    at += end - start;
  }
  return values;
}
