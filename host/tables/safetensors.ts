import { rowBytes } from "../rows/rows.js";
import type { ElementType } from "./elements.js";
import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { whyNoTable } from "./limits.js";
import { readMetadata, type TableMetadata } from "./quantised.js";
import { floatRows, keyStream, packedRows } from "./rows.js";
import { readSafetensorsHeader, type Tensor } from "./safetensors-header.js";
import type { FileTable, FoundTables, LeftOut } from "./types.js";

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = { F32: "f32", F16: "f16", BF16: "bf16", F64: "f64" };

/**
 * The tables of one safetensors file, by data offset: every 2-D tensor of floats, and what our metadata names (quantised rows, keys).
 * @throws EmbeddingError EMBEDDING_FILE
 */
export function readSafetensors(file: TableFile): FoundTables {
  const { tensors, metadata } = readSafetensorsHeader(file);
  const known = readMetadata(file.path, metadata);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  for (const name of known.keys()) {
    if (!byName.has(name))
      throw fileError(file.path, { where: "__metadata__", got: `a table ${quote(name)}`, expected: "a tensor of that name" });
  }
  const parts = new Set([...known.values()].flatMap(({ keys, defaultRow }) => [keys, defaultRow]));
  const tables: FileTable[] = [];
  const leftOut: LeftOut[] = [];
  for (const tensor of tensors) {
    if (parts.has(tensor.name)) continue;
    const found = readTable(file, tensor, { byName, known: known.get(tensor.name) ?? {} });
    if (typeof found === "string") leftOut.push({ name: tensor.name, reason: found });
    else tables.push(found);
  }
  return { format: "safetensors", tables, leftOut };
}

interface TensorContext {
  byName: ReadonlyMap<string, Tensor>;
  known: TableMetadata;
}

/** The table of a tensor, or why it is none. */
function readTable(file: TableFile, tensor: Tensor, { byName, known }: TensorContext): FileTable | string {
  const { name, dtype, shape, offset, bytes } = tensor;
  const packed = known.dtype !== undefined && known.dim !== undefined ? { dtype: known.dtype, dim: known.dim } : undefined;
  if (packed !== undefined) {
    const packedBytes = rowBytes(packed.dtype, packed.dim);
    if (dtype !== "U8" || shape.length !== 2 || shape[1] !== packedBytes) {
      const expected = `U8 [numRows, ${packedBytes}], rows of ${packed.dim} ${packed.dtype} values`;
      throw fileError(file.path, { where: `tensor ${quote(name)}`, got: `${dtype} [${shape.join(", ")}]`, expected });
    }
  } else if (!Object.hasOwn(ELEMENT_TYPES, dtype)) {
    return `type ${dtype}, rows are F32, F16, BF16 or F64`;
  }
  const reason = whyNoTable(packed === undefined ? shape : [shape[0], packed.dim]);
  if (reason !== undefined) return reason;
  const [numRows, dim] = shape;
  const extras = { ...readKeys(file, tensor, { byName, known }), ...readDefaultRow(file, packed?.dim ?? dim, { byName, known }) };
  if (packed !== undefined) {
    const rows = packedRows({ file, offset, count: bytes });
    return { name, numRows, ...packed, packed: true, rows, ...extras, stored: { type: packed.dtype, file: file.path, bytes } };
  }
  const rows = floatRows({ file, offset, valueCount: numRows * dim, type: ELEMENT_TYPES[dtype] });
  return { name, numRows, dim, rows, ...extras, stored: { type: dtype, file: file.path, bytes } };
}

function readKeys(file: TableFile, { name, shape }: Tensor, { byName, known }: TensorContext): Pick<FileTable, "keys"> {
  if (known.keys === undefined) return {};
  const tensor = byName.get(known.keys);
  if (tensor?.dtype !== "I64" || tensor.shape.length !== 1 || tensor.shape[0] !== shape[0]) {
    const got = tensor === undefined ? "no such tensor" : `${tensor.dtype} [${tensor.shape.join(", ")}]`;
    const where = `keys ${quote(known.keys)} of table ${quote(name)}`;
    throw fileError(file.path, { where, got, expected: `I64 [${shape[0]}], a key for each row` });
  }
  return { keys: keyStream({ file, offset: tensor.offset, count: tensor.bytes }) };
}

function readDefaultRow(file: TableFile, dim: number, { byName, known }: TensorContext): Pick<FileTable, "defaultRow"> {
  if (known.defaultRow === undefined) return {};
  const tensor = byName.get(known.defaultRow);
  if (tensor?.dtype !== "F32" || tensor.shape.length !== 1 || tensor.shape[0] !== dim) {
    const got = tensor === undefined ? "no such tensor" : `${tensor.dtype} [${tensor.shape.join(", ")}]`;
    throw fileError(file.path, { where: `default row ${quote(known.defaultRow)}`, got, expected: `F32 [${dim}]` });
  }
  return { defaultRow: new Float32Array(file.readNow(tensor.offset, tensor.bytes).buffer) };
}
