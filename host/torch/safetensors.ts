import { EmbeddingError } from "../errors.js";
import { show } from "../resolve.js";
import { TableFile } from "../tables/file.js";
import { readSafetensors } from "../tables/safetensors.js";
import type { FileTable, FloatFileTable, PackedFileTable } from "../tables/types.js";

/** A table of a safetensors file, its rows to be read without waiting while `use` runs. */
export type OpenTable = (FloatFileTable & { rows: Iterable<Float32Array> }) | (PackedFileTable & { rows: Iterable<Uint8Array> });

/**
 * Opens a safetensors file for as long as `use` runs, which gets the table of that name, or the only one.
 * @throws EmbeddingError EMBEDDING_FILE when the file cannot be read; EMBEDDING_OPTIONS when it has no such table, or the name is needed
 */
export function withTable<T>(path: string, tensor: string | undefined, use: (table: OpenTable) => T): T {
  if (typeof path !== "string" || path === "") {
    throw new EmbeddingError("EMBEDDING_OPTIONS", `path: got ${show(path)}, expected the path of a safetensors file`, { got: path });
  }
  const file = TableFile.openNow(path);
  try {
    return use(pick(readSafetensors(file).tables, tensor, path));
  } finally {
    void file.close();
  }
}

function pick(tables: readonly FileTable[], tensor: string | undefined, path: string): OpenTable {
  const table = tensor === undefined && tables.length === 1 ? tables[0] : tables.find(({ name }) => name === tensor);
  if (table === undefined) {
    const names = tables.map(({ name }) => show(name)).join(", ");
    const expected = tables.length === 0 ? "a file with a table, a 2-D tensor of floats" : `one of ${names.slice(0, 300)}`;
    throw new EmbeddingError("EMBEDDING_OPTIONS", `tensor: got ${show(tensor)}, expected ${expected} (${path})`, {
      got: tensor,
      file: path,
    });
  }
  if (table.keys !== undefined) {
    const message = `tensor: got ${show(table.name)}, which is looked up by 64-bit keys, expected a table of row numbers (${path}); use openEngine`;
    throw new EmbeddingError("EMBEDDING_UNSUPPORTED", message, { table: table.name, file: path });
  }
  return table as OpenTable;
}
