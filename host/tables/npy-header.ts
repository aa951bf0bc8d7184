import type { ElementType } from "./elements.js";
import { fileError, quote } from "./fault.js";
import { productOf } from "./limits.js";
import { readPythonLiteral } from "./python-literal.js";

/**
 * ```
 *  0        6      8               10 (1.0) or 12 (2.0, 3.0)     + n
 *  +--------+------+---------------+-----------------------------+------------------
 *  | \x93   | ver- | n: u16 (1.0), | a Python dict, n bytes:     | values, row- or
 *  | NUMPY  | sion | u32 (2.0, 3.0)| descr, fortran_order, shape | column-major
 *  +--------+------+---------------+-----------------------------+------------------
 * ```
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** As many bytes always tell how long the header is. */
export const NPY_PREFIX_BYTES = 12;
/** Real ones have 118; a list of record fields may be longer. */
const MOST_HEADER_BYTES = 2 ** 20;
const HEADER_DEPTH = 6;

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = { "<f4": "f32", "<f2": "f16", "<f8": "f64" };

export interface NpyHeader {
  /** numpy's word: "<f4". Structured types: "a record". */
  descr: string;
  /** Undefined where rows cannot be read from `descr`. */
  type: ElementType | undefined;
  fortranOrder: boolean;
  shape: number[];
  /** The product of shape. */
  valueCount: number;
}

/** Where an array is, for messages. */
export interface NpyPlace {
  path: string;
  /** The member of an archive. */
  where?: string;
}

/** Where the header's text lies, told by the first NPY_PREFIX_BYTES bytes, or all there are. */
export function npyTextRange(prefix: Uint8Array, { path, where }: NpyPlace): { start: number; end: number } {
  const at = where === undefined ? {} : { where };
  if (prefix.length < 10 || MAGIC.some((byte, n) => prefix[n] !== byte)) {
    throw fileError(path, { ...at, got: "bytes that do not start with \\x93NUMPY", expected: "a .npy array" });
  }
  const [major, minor] = [prefix[6], prefix[7]];
  if (major < 1 || major > 3 || minor !== 0) {
    throw fileError(path, { ...at, got: `npy version ${major}.${minor}`, expected: "1.0, 2.0 or 3.0" });
  }
  const start = major === 1 ? 10 : 12;
  if (prefix.length < start) throw fileError(path, { ...at, got: `${prefix.length} bytes`, expected: "a whole .npy header" });
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MOST_HEADER_BYTES) {
    throw fileError(path, { ...at, got: `a header of ${length} bytes`, expected: `at most ${MOST_HEADER_BYTES}` });
  }
  return { start, end: start + length };
}

/** Reads the header's text. Nothing is evaluated: what is no plain literal is an error. @throws EMBEDDING_FILE */
export function readNpyHeader(text: Uint8Array, { path, where }: NpyPlace): NpyHeader {
  const place = where === undefined ? "header" : `${where}: header`;
  // Latin-1 takes every byte; version 3.0's UTF-8 differs from it in names of record fields alone.
  const source = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1");
  const value = readPythonLiteral(source, HEADER_DEPTH);
  const form = "{'descr': ..., 'fortran_order': ..., 'shape': (...), }";
  if (!(value instanceof Map)) throw fileError(path, { where: place, got: quote(source.trim()), expected: form });
  const [descr, fortranOrder, shape] = ["descr", "fortran_order", "shape"].map((key) => value.get(key));
  if (
    !(typeof descr === "string" || Array.isArray(descr)) ||
    typeof fortranOrder !== "boolean" ||
    !Array.isArray(shape) ||
    value.size !== 3
  ) {
    throw fileError(path, { where: place, got: quote(source.trim()), expected: form });
  }
  const valueCount = productOf(shape);
  if (valueCount === undefined) {
    throw fileError(path, { where: `${place}: shape`, got: quote(source.trim()), expected: "whole numbers with a product below 2^53" });
  }
  const word = typeof descr === "string" ? descr : "a record";
  const type = Object.hasOwn(ELEMENT_TYPES, word) ? ELEMENT_TYPES[word] : undefined;
  return { descr: word, type, fortranOrder, shape: shape as number[], valueCount };
}
