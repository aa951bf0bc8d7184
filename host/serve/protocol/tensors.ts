import { MAX_DIMENSIONS } from "./limits.js";
import type { InferInput, TypedField } from "./request.js";
import { invalid } from "./request-error.js";

/** The datatypes that models take, and what of them is known. */
const DATATYPES = {
  INT64: { bytes: 8, contents: "int64_contents", array: BigInt64Array },
  INT32: { bytes: 4, contents: "int_contents", array: Int32Array },
  FP32: { bytes: 4, contents: "fp32_contents", array: Float32Array },
} as const;

export type Datatype = keyof typeof DATATYPES;
export type TensorValues = BigInt64Array | Int32Array | Float32Array;

/** What a model wants of an input tensor. */
export interface TensorSpec {
  name: string;
  /** The first is the one that metadata tells. */
  datatypes: readonly Datatype[];
  /** As metadata tells it: -1 is any size. */
  shape: readonly number[];
  /** Another shape that is accepted. */
  otherShape?: readonly number[];
  optional?: boolean;
}

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT32 = -(2 ** 31);
const MAX_INT32 = 2 ** 31 - 1;

/**
 * The values of an input tensor, checked against what the model wants. A view of the request where that is possible. Nothing is
 * allocated that is larger than the data that came.
 * @throws RequestError "invalid", with what was got and expected
 */
export function readTensor(input: InferInput, spec: TensorSpec): TensorValues {
  const { name, data } = input;
  const datatype = spec.datatypes.find((candidate) => candidate === input.datatype);
  if (datatype === undefined) throw invalid(`${name}: got datatype ${show(input.datatype)}, expected ${spec.datatypes.join(" or ")}`);
  const elements = countElements(input, spec);
  if (data.kind === "raw") return viewRaw(name, data.bytes, datatype, elements, input.shape);
  if (data.kind === "json") return fromJson(input, data.value, datatype, elements);
  return fromFields(input, data.fields, datatype, elements);
}

/** Elements of a tensor by its shape, which has to be one that the model takes. */
function countElements({ name, shape }: InferInput, spec: TensorSpec): number {
  const fits = matches(shape, spec.shape) || (spec.otherShape !== undefined && matches(shape, spec.otherShape));
  if (!fits) {
    const expected = [spec.shape, spec.otherShape].flatMap((wanted) => (wanted === undefined ? [] : [showShape(wanted)]));
    throw invalid(`${name}: got shape ${showShape(shape)}, expected ${expected.join(" or ")} (-1: any size)`);
  }
  // At most MAX_INT32 in all, so the product is exact; and one dimension of 0 makes it 0 whatever the others say.
  let elements = 1;
  for (const size of shape) elements *= size;
  if (elements > MAX_INT32) throw invalid(`${name}: got shape ${showShape(shape)}, expected at most ${MAX_INT32} elements`);
  return elements;
}

function matches(shape: readonly number[], wanted: readonly number[]): boolean {
  return shape.length === wanted.length && shape.every((size, n) => isSize(size) && (wanted[n] === -1 || wanted[n] === size));
}

function isSize(size: unknown): boolean {
  return Number.isInteger(size) && (size as number) >= 0 && (size as number) <= Number.MAX_SAFE_INTEGER;
}

function viewRaw(name: string, bytes: Uint8Array, datatype: Datatype, elements: number, shape: readonly number[]): TensorValues {
  const { bytes: size, array } = DATATYPES[datatype];
  if (bytes.length !== elements * size) {
    throw invalid(
      `${name}: got ${bytes.length} bytes, expected ${elements * size} (shape ${showShape(shape)} x ${size} bytes of ${datatype})`,
    );
  }
  if (bytes.byteOffset % size === 0) return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, elements);
  const values = new array(elements);
  new Uint8Array(values.buffer).set(bytes);
  return values;
}

function fromFields({ name, shape }: InferInput, fields: readonly TypedField[], datatype: Datatype, elements: number): TensorValues {
  const { contents, array } = DATATYPES[datatype];
  const wrong = fields.find((field) => field.name !== contents);
  if (wrong !== undefined) throw invalid(`${name}: got ${wrong.count} ${wrong.name}, expected ${contents} for ${datatype}`);
  const field = fields.at(0);
  const count = field?.count ?? 0;
  if (count !== elements) throw invalid(`${name}: got ${count} ${contents}, expected ${elements} (shape ${showShape(shape)})`);
  return field?.values ?? new array(0);
}

function fromJson(input: InferInput, value: unknown, datatype: Datatype, elements: number): TensorValues {
  const { name, shape } = input;
  if (!Array.isArray(value)) throw invalid(`${name}: got data ${show(value)}, expected an array`);
  const isNested = Array.isArray(value[0]);
  if (!isNested && value.length !== elements) {
    throw invalid(`${name}: got ${value.length} values, expected ${elements} (shape ${showShape(shape)})`);
  }
  if (isNested) checkNesting(name, value, shape, 0);
  // Only now is it known that so many values came.
  const flat = isNested ? value.flat(shape.length - 1) : value;
  if (datatype === "INT64") return fill(flat, new BigInt64Array(elements), toInt64, name);
  if (datatype === "INT32") return fill(flat, new Int32Array(elements), toInt32, name);
  return fill(flat, new Float32Array(elements), toFloat, name);
}

/** Nested data has the shape's sizes at every level. Depth is bounded by the shape's, which the model has checked. */
function checkNesting(name: string, value: readonly unknown[], shape: readonly number[], level: number): void {
  const where = level === 0 ? "" : ` at depth ${level}`;
  if (value.length !== shape[level]) {
    throw invalid(`${name}: got ${value.length} values${where}, expected ${shape[level]} (shape ${showShape(shape)})`);
  }
  if (level === shape.length - 1) return;
  for (const part of value) {
    if (!Array.isArray(part))
      throw invalid(`${name}: got ${show(part)} at depth ${level + 1}, expected an array (shape ${showShape(shape)})`);
    checkNesting(name, part, shape, level + 1);
  }
}

function fill<T extends number | bigint, A extends { [n: number]: T }>(
  values: readonly unknown[],
  to: A,
  convert: (value: unknown) => T | undefined,
  name: string,
): A {
  for (let n = 0; n < values.length; n += 1) {
    const value = convert(values[n]);
    if (value === undefined) throw invalid(`${name}: got ${show(values[n])} at position ${n}, expected ${EXPECTED.get(convert)}`);
    to[n] = value;
  }
  return to;
}

function toInt64(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "bigint" && value >= MIN_INT64 && value <= MAX_INT64 ? value : undefined;
}

function toInt32(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= MIN_INT32 && value <= MAX_INT32 ? value : undefined;
}

function toFloat(value: unknown): number | undefined {
  // bigint: an integer past 2^53 is a fine float.
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

const EXPECTED = new Map<unknown, string>([
  [toInt64, "an integer of 64 bits"],
  [toInt32, "an integer of 32 bits"],
  [toFloat, "a number"],
]);

/** A shape as it came over a wire. @throws RequestError */
export function readShape(name: string, shape: unknown): number[] {
  if (!Array.isArray(shape) || shape.length > MAX_DIMENSIONS || !shape.every(isSize)) {
    throw invalid(
      `${name}: got shape ${Array.isArray(shape) ? showShape(shape) : show(shape)}, expected at most ${MAX_DIMENSIONS} sizes from 0`,
    );
  }
  return shape as number[];
}

/** A value of a request as an error shows it: short, whatever came. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value);
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "bigint") return String(value).slice(0, 40);
  return Array.isArray(value) ? "an array" : "an object";
}

export function showShape(shape: readonly unknown[]): string {
  const shown = shape.slice(0, MAX_DIMENSIONS).map(show).join(", ");
  return `[${shown}${shape.length > MAX_DIMENSIONS ? ", ..." : ""}]`;
}
