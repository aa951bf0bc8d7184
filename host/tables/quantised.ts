import { fileError, quote } from "./fault.js";
import { MAX_DIM } from "./limits.js";
import { isRecord, strictJson } from "./strict-json.js";

/** The key of our entry in a safetensors file's __metadata__; docs/files.md has the form of its value. */
export const METADATA_KEY = "lagbag";
export const METADATA_VERSION = 1;
const METADATA_DEPTH = 4;

/** What the tensors of one table mean, as __metadata__ tells it. The name of the table is that of the tensor that holds its rows. */
export interface TableMetadata {
  /** Rows are U8 [numRows, rowBytes(dtype, dim)]; undefined: the tensor's own type says what rows are. */
  dtype?: "int8" | "int4" | "int2";
  /** Values in a row; with dtype only. */
  dim?: number;
  /** Name of an I64 tensor [numRows]. */
  keys?: string;
  /** Name of an F32 tensor [dim]. */
  defaultRow?: string;
}

/**
 * Our entry of __metadata__, by table; empty where there is none.
 * @throws EmbeddingError EMBEDDING_FILE when there is one that does not have our form
 */
export function readMetadata(path: string, metadata: Readonly<Record<string, unknown>>): Map<string, TableMetadata> {
  const text = Object.hasOwn(metadata, METADATA_KEY) ? metadata[METADATA_KEY] : undefined;
  if (typeof text !== "string") return new Map();
  const where = `__metadata__.${METADATA_KEY}`;
  const value = strictJson(new TextEncoder().encode(text), { path, what: where, depth: METADATA_DEPTH });
  if (!isRecord(value) || value.version !== METADATA_VERSION || !isRecord(value.tables)) {
    throw fileError(path, { where, got: value, expected: `{ "version": ${METADATA_VERSION}, "tables": {...} }` });
  }
  return new Map(Object.entries(value.tables).map(([name, table]) => [name, readTable(path, name, table)]));
}

function readTable(path: string, name: string, table: unknown): TableMetadata {
  const where = `__metadata__.${METADATA_KEY}, table ${quote(name)}`;
  if (!isRecord(table)) throw fileError(path, { where, got: table, expected: "an object" });
  const { dtype, dim, keys, defaultRow } = table;
  const result: TableMetadata = {};
  if (dtype !== undefined) {
    if (dtype !== "int8" && dtype !== "int4" && dtype !== "int2") {
      throw fileError(path, { where: `${where}: dtype`, got: dtype, expected: '"int8", "int4" or "int2"' });
    }
    if (typeof dim !== "number" || !Number.isInteger(dim) || dim < 1 || dim > MAX_DIM) {
      throw fileError(path, { where: `${where}: dim`, got: dim, expected: `an integer from 1 to ${MAX_DIM}` });
    }
    Object.assign(result, { dtype, dim });
  }
  for (const [field, tensor] of Object.entries({ keys, defaultRow })) {
    if (tensor === undefined) continue;
    if (typeof tensor !== "string") throw fileError(path, { where: `${where}: ${field}`, got: tensor, expected: "a tensor's name" });
    Object.assign(result, { [field]: tensor });
  }
  return result;
}
