import { columnMajorRows } from "./column-major.js";
import { ELEMENT_BYTES } from "./elements.js";
import { fileError } from "./fault.js";
import type { TableFile } from "./file.js";
import { whyNoTable } from "./limits.js";
import { NPY_PREFIX_BYTES, type NpyHeader, npyTextRange, readNpyHeader } from "./npy-header.js";
import { floatRows } from "./rows.js";
import type { FoundTables } from "./types.js";

/**
 * A .npy file: one table, named after the file.
 * @throws EmbeddingError EMBEDDING_FILE also when the array is no table
 */
export function readNpy(file: TableFile, name: string): FoundTables {
  const { path, sizeBytes } = file;
  const { start, end } = npyTextRange(file.readNow(0, Math.min(NPY_PREFIX_BYTES, sizeBytes)), { path });
  const header = readNpyHeader(file.readNow(start, end - start), { path });
  const reason = whyNoRows(header);
  if (reason !== undefined || header.type === undefined)
    throw fileError(path, { got: reason ?? header.descr, expected: "[numRows, dim] of floats" });
  const { type, valueCount, fortranOrder, descr } = header;
  const [numRows, dim] = header.shape;
  const bytes = valueCount * ELEMENT_BYTES[type];
  if (sizeBytes - end !== bytes) {
    const expected = `${bytes} for ${descr} [${numRows}, ${dim}]${sizeBytes - end < bytes ? ": is the file truncated?" : ""}`;
    throw fileError(path, { got: `${sizeBytes - end} bytes behind the header`, expected });
  }
  const rows = fortranOrder
    ? columnMajorRows({ file, offset: end, numRows, dim, type })
    : floatRows({ file, offset: end, valueCount, type });
  return { format: "npy", tables: [{ name, numRows, dim, rows, stored: { type: descr, file: path, bytes } }], leftOut: [] };
}

/** Why an array is no table, or undefined if it is one. */
export function whyNoRows({ descr, type, shape }: NpyHeader): string | undefined {
  if (type === undefined) return `type ${descr}, rows are <f4, <f2 or <f8${descr.startsWith(">") ? " (little-endian: astype('<f4'))" : ""}`;
  return whyNoTable(shape);
}
