/**
 * The model of a request that both wires translate to and from. Pure data: nothing here knows HTTP, gRPC or engines.
 */

/** Where the values of an input tensor are, as they came. */
export type InputData =
  /** Little-endian, row-major bytes: the binary extension of REST, or raw_input_contents. Views of the request's own buffer. */
  | { kind: "raw"; bytes: Uint8Array }
  /** Parsed JSON, flat or nested; integers past 2^53 are bigints. */
  | { kind: "json"; value: unknown }
  /** Typed contents of gRPC: the fields that have elements. */
  | { kind: "typed"; fields: readonly TypedField[] };

/** A repeated field of typed contents; `values` only for the types that a model can take. */
export interface TypedField {
  name: string;
  count: number;
  values?: Int32Array | BigInt64Array | Float32Array;
}

/** An input tensor that nobody has checked. */
export interface InferInput {
  name: string;
  datatype: string;
  shape: readonly number[];
  data: InputData;
}

/** An output that was asked for. */
export interface RequestedOutput {
  name: string;
  /** REST: whether it shall come as binary data. gRPC answers are always raw. */
  binary: boolean;
}

/** An inference request. */
export interface InferRequest {
  /** Given back in the answer, if there. */
  id: string | undefined;
  inputs: readonly InferInput[];
  /** Undefined: all outputs. */
  outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs come as binary data when they are not asked for one by one. */
  binaryOutput: boolean;
  /** From the request's `timeout` parameter (microseconds on the wire). */
  timeoutMs: number | undefined;
}

/** Whether the output, of which models have one, shall come as binary data. */
export function wantsBinary({ outputs, binaryOutput }: InferRequest): boolean {
  return outputs?.at(0)?.binary ?? binaryOutput;
}

/** An output tensor: the concatenation of `parts`, which may be views of shared memory that are valid during the call that they are given to only. */
export interface OutputTensor {
  name: string;
  datatype: "FP32";
  shape: readonly number[];
  parts: readonly Float32Array[];
}

/** An answer. */
export interface InferAnswer {
  modelName: string;
  modelVersion: string;
  id: string | undefined;
  outputs: readonly OutputTensor[];
}

/** Bytes of an output. */
export function outputBytes({ parts }: OutputTensor): number {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  return bytes;
}

/** Copies an output's bytes to `to` at `at`, little-endian. Returns where they end. */
export function copyOutput({ parts }: OutputTensor, to: Uint8Array, at: number): number {
  for (const part of parts) {
    to.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return at;
}
