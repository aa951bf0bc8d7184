import { EmbeddingError } from "../errors.js";
import { tagOf } from "../lookup/batch.js";
import { show } from "../resolve.js";

/** Indices, offsets or lengths: torch's int32 and int64 tensors, or plain whole numbers. */
export type IndexArray = Int32Array | BigInt64Array | readonly number[];

/** Weights: torch's float32 tensor, or plain numbers (rounded to float32). */
export type FloatArray = Float32Array | readonly number[];

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

function arrayError(name: string, got: unknown, expected: string, position?: number): EmbeddingError {
  const where = position === undefined ? name : `${name}[${position}]`;
  const details = { got, expected, ...(position === undefined ? {} : { position }) };
  return new EmbeddingError("EMBEDDING_BATCH", `${where}: got ${show(got)}, expected ${expected}`, details);
}

/**
 * Whole numbers as a typed array: typed arrays are borrowed as they are, plain numbers become int32, or int64 where one needs it.
 * @throws EmbeddingError EMBEDDING_BATCH
 */
export function toIndices(name: string, value: unknown): Int32Array | BigInt64Array {
  const tag = tagOf(value);
  if (tag === "Int32Array" || tag === "BigInt64Array") return value as Int32Array | BigInt64Array;
  if (!Array.isArray(value)) throw arrayError(name, value, "Int32Array, BigInt64Array or an array of whole numbers");
  let fits = true;
  value.forEach((one: unknown, n) => {
    if (!Number.isSafeInteger(one)) throw arrayError(name, one, "a whole number", n);
    fits &&= (one as number) >= INT32_MIN && (one as number) <= INT32_MAX;
  });
  return fits ? Int32Array.from(value as number[]) : BigInt64Array.from(value as number[], BigInt);
}

/**
 * Offsets or lengths as int32, borrowed where they are.
 * @throws EmbeddingError EMBEDDING_BATCH; EMBEDDING_OFFSETS for a number that no array can have as a position
 */
export function toPositions(name: string, value: unknown): Int32Array {
  const positions = toIndices(name, value);
  if (tagOf(positions) === "Int32Array") return positions as Int32Array;
  const out = new Int32Array(positions.length);
  (positions as BigInt64Array).forEach((one, n) => {
    if (one < 0n || one > BigInt(INT32_MAX)) {
      const details = { position: n, got: Number(one), expected: `0 to ${INT32_MAX}` };
      throw new EmbeddingError("EMBEDDING_OFFSETS", `${name}[${n}]: got ${one}, expected 0 to ${INT32_MAX}`, details);
    }
    out[n] = Number(one);
  });
  return out;
}

/**
 * Weights as float32, borrowed where they are.
 * @throws EmbeddingError EMBEDDING_BATCH
 */
export function toFloats(name: string, value: unknown): Float32Array {
  if (tagOf(value) === "Float32Array") return value as Float32Array;
  if (!Array.isArray(value)) throw arrayError(name, value, "Float32Array or an array of numbers");
  const wrong = value.findIndex((one) => typeof one !== "number");
  if (wrong >= 0) throw arrayError(name, value[wrong], "a number", wrong);
  return Float32Array.from(value as number[]);
}

/** Two-dimensional data, row-major: `data` has shape[0] * shape[1] elements. */
export interface Matrix<T> {
  data: T;
  shape: readonly [rows: number, columns: number];
}

/** A matrix with its data as one array, whichever way it was given. */
interface Flat<T> {
  data: T;
  rows: number;
  columns: number;
}

function isArrayLike(value: unknown): value is ArrayLike<number | bigint> {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/** Whether this is two-dimensional: { data, shape }, or an array of rows. */
export function isMatrix(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return false;
  return Array.isArray(value) ? isArrayLike(value[0]) : typeof value === "object" && value !== null && "shape" in value;
}

/**
 * The data and shape of a matrix. `convert` makes one array of the data, which for rows is an array of plain numbers or bigints.
 * @throws EmbeddingError EMBEDDING_BATCH when rows differ in length, or the data does not fill the shape
 */
export function flatten<T extends ArrayLike<number | bigint>>(
  name: string,
  value: unknown,
  convert: (name: string, data: unknown) => T,
): Flat<T> {
  if (Array.isArray(value)) {
    const columns = (value[0] as ArrayLike<unknown>).length;
    const wrong = value.findIndex((row) => !isArrayLike(row) || row.length !== columns);
    if (wrong >= 0) {
      const got = isArrayLike(value[wrong]) ? `${value[wrong].length} elements` : show(value[wrong]);
      throw arrayError(name, got, `${columns} elements, as row 0 has`, wrong);
    }
    const long = value.length > 0 && value.every((row) => tagOf(row) === "BigInt64Array");
    const all = (value as ArrayLike<number | bigint>[]).flatMap((row) => Array.from(row));
    return { data: convert(name, long ? BigInt64Array.from(all as bigint[]) : all), rows: value.length, columns };
  }
  const { data, shape } = value as Matrix<unknown>;
  const [rows, columns] = Array.isArray(shape) && shape.length === 2 ? (shape as [number, number]) : [-1, -1];
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(columns) || rows < 0 || columns < 0) {
    throw arrayError(`${name}.shape`, Array.isArray(shape) ? `[${shape.join(", ")}]` : shape, "[rows, columns]");
  }
  const flat = convert(`${name}.data`, data);
  if (flat.length !== rows * columns) throw arrayError(`${name}.data.length`, flat.length, `${rows * columns} (${rows} rows x ${columns})`);
  return { data: flat, rows, columns };
}
