import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { productOf } from "./limits.js";
import { isRecord, strictJson } from "./strict-json.js";

/**
 * ```
 *  0         8                          8 + n                                              end of file
 *  +---------+--------------------------+---------------------------------------------------+
 *  | u64 n   | JSON, n bytes, may end   | tensors, one behind the other, no holes; data     |
 *  | (LE)    | in spaces                | offsets in the JSON count from here               |
 *  +---------+--------------------------+---------------------------------------------------+
 * ```
 * https://huggingface.co/docs/safetensors/index#format
 */
const LENGTH_BYTES = 8;
/** As in the format's own implementation. */
const MOST_HEADER_BYTES = 100_000_000;
/** Header, tensor, shape: one more than that is no header. */
const HEADER_DEPTH = 3;
const METADATA = "__metadata__";

const DTYPE_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
  C64: 8,
};

/** A tensor whose numbers are known to be good. */
export interface Tensor {
  name: string;
  /** The file's word; may be one that we do not know. */
  dtype: string;
  shape: number[];
  /** From the start of the file. */
  offset: number;
  bytes: number;
}

export interface SafetensorsHeader {
  /** By data offset. */
  tensors: Tensor[];
  /** __metadata__; strings by the format, but nobody checked. */
  metadata: Record<string, unknown>;
}

/** @throws EmbeddingError EMBEDDING_FILE */
export function readSafetensorsHeader(file: TableFile): SafetensorsHeader {
  const { path, sizeBytes } = file;
  if (sizeBytes < LENGTH_BYTES) throw fileError(path, { got: `${sizeBytes} bytes`, expected: "a safetensors file, at least 10 bytes" });
  const length = new DataView(file.readNow(0, LENGTH_BYTES).buffer).getBigUint64(0, true);
  const most = Math.min(MOST_HEADER_BYTES, sizeBytes - LENGTH_BYTES);
  if (length > BigInt(most)) {
    const limit = most === MOST_HEADER_BYTES ? "the format's limit" : "what the file has";
    throw fileError(path, { where: "header length", got: length, expected: `at most ${most} bytes, ${limit}` });
  }
  const header = strictJson(file.readNow(LENGTH_BYTES, Number(length)), { path, what: "header", depth: HEADER_DEPTH });
  if (!isRecord(header)) throw fileError(path, { where: "header", got: header, expected: "a JSON object" });

  const dataOffset = LENGTH_BYTES + Number(length);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => readTensor({ path, name, value, dataOffset, dataBytes: sizeBytes - dataOffset }))
    .sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkTiling(path, tensors, { dataOffset, end: sizeBytes });
  const metadata = Object.hasOwn(header, METADATA) ? header[METADATA] : {};
  if (!isRecord(metadata)) throw fileError(path, { where: METADATA, got: metadata, expected: "an object" });
  return { tensors, metadata };
}

interface RawTensor {
  path: string;
  name: string;
  value: unknown;
  dataOffset: number;
  dataBytes: number;
}

function readTensor({ path, name, value, dataOffset, dataBytes }: RawTensor): Tensor {
  const where = `tensor ${quote(name)}`;
  const form = "an object { dtype, shape, data_offsets }";
  if (!isRecord(value)) throw fileError(path, { where, got: value, expected: form });
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2) {
    throw fileError(path, { where, got: value, expected: form });
  }
  const values = productOf(shape);
  if (values === undefined)
    throw fileError(path, { where: `${where}: shape`, got: shape, expected: "whole numbers with a product below 2^53" });
  const [begin, end]: unknown[] = offsets;
  if (!isOffset(begin) || !isOffset(end) || begin > end || end > dataBytes) {
    const expected = `0 <= begin <= end <= ${dataBytes}, the bytes behind the header: is the file truncated?`;
    throw fileError(path, { where: `${where}: data_offsets`, got: offsets, expected });
  }
  const wanted = Object.hasOwn(DTYPE_BYTES, dtype) ? values * DTYPE_BYTES[dtype] : end - begin;
  if (wanted !== end - begin) {
    const expected = `${wanted} bytes for ${dtype} [${shape.join(", ")}]`;
    throw fileError(path, { where: `${where}: data_offsets`, got: `${JSON.stringify(offsets)}, ${end - begin} bytes`, expected });
  }
  return { name, dtype, shape: shape as number[], offset: dataOffset + begin, bytes: end - begin };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The format allows neither overlaps nor holes: with them, two readers could see two different files. */
function checkTiling(path: string, tensors: readonly Tensor[], { dataOffset, end }: { dataOffset: number; end: number }): void {
  let next = dataOffset;
  for (const { name, offset, bytes } of tensors) {
    if (offset !== next) {
      const got = `data from byte ${offset - dataOffset}`;
      throw fileError(path, { where: `tensor ${quote(name)}`, got, expected: `${next - dataOffset}, where the tensor before it ends` });
    }
    next += bytes;
  }
  if (next !== end) {
    throw fileError(path, { got: `${end - next} bytes that belong to no tensor`, expected: `the file to end at byte ${next}` });
  }
}
