/** ONNX models byte by byte, for tests of what torch does not write. */
import { bytesField, numberField, type Piece, varint } from "#host/cut/protobuf-writer.js";
import { bytesOf } from "./make.js";

/** A message, its fields one behind the other. */
export function message(...fields: readonly Piece[][]): Uint8Array {
  return Buffer.concat(fields.flat().map((piece) => piece as Uint8Array));
}

export interface TensorParts {
  dims: readonly (number | bigint)[];
  /** Default FLOAT. */
  dataType?: number;
  raw?: Uint8Array;
  floats?: Float32Array;
  external?: Readonly<Record<string, string>>;
  /** dims as one packed field. */
  packedDims?: boolean;
}

export function tensor(name: string, { dims, dataType = 1, raw, floats, external, packedDims = false }: TensorParts): Uint8Array {
  const entries = Object.entries(external ?? {}).map(([key, value]) => bytesField(13, [message(bytesField(1, key), bytesField(2, value))]));
  return message(
    ...(packedDims ? [bytesField(1, dims.map(varint))] : dims.map((dim) => numberField(1, dim))),
    numberField(2, dataType),
    bytesField(8, name),
    ...(raw === undefined ? [] : [bytesField(9, [raw])]),
    ...(floats === undefined ? [] : [bytesField(4, [bytesOf(floats)])]),
    ...entries,
    ...(external === undefined ? [] : [numberField(14, 1)]),
  );
}

export function node(opType: string, inputs: readonly string[], outputs: readonly string[]): Uint8Array {
  return message(...inputs.map((name) => bytesField(1, name)), ...outputs.map((name) => bytesField(2, name)), bytesField(4, opType));
}

export function model(tensors: readonly Uint8Array[], nodes: readonly Uint8Array[] = []): Uint8Array {
  const graph = message(...nodes.map((one) => bytesField(1, [one])), bytesField(2, "g"), ...tensors.map((one) => bytesField(5, [one])));
  return message(numberField(1, 8), bytesField(7, [graph]));
}
