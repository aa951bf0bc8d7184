import { basename, join } from "node:path";
import { fileError } from "./fault.js";
import { TableFile } from "./file.js";
import { MAX_DIM, MAX_ROWS } from "./limits.js";
import type { Entry } from "./places.js";
import { floatRows, keyStream } from "./rows.js";
import type { FileTable } from "./types.js";

/** The files of a table as HugeCTR's Hierarchical Parameter Server keeps it: int64 keys, and as many fp32 vectors, one behind the other. */
const KEY_FILE = "key";
const VECTOR_FILE = "emb_vector";
const KEY_BYTES = 8;

/** Whether a folder with these entries is a table. */
export function isHpsTable(entries: readonly Entry[]): boolean {
  return [KEY_FILE, VECTOR_FILE].every((name) => entries.some((entry) => entry.name === name && !entry.isFolder));
}

/**
 * A keyed table from its folder, named after it. A key that is not there gives zeros. `keep` gets every file that was opened, also when this throws.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export async function readHpsTable(folder: string, keep: (file: TableFile) => void): Promise<FileTable> {
  const name = basename(folder);
  const keys = await TableFile.open(join(folder, KEY_FILE));
  keep(keys);
  const vectors = await TableFile.open(join(folder, VECTOR_FILE));
  keep(vectors);
  const numRows = keys.sizeBytes / KEY_BYTES;
  if (!Number.isInteger(numRows) || numRows < 1 || numRows > MAX_ROWS) {
    throw fileError(keys.path, { got: `${keys.sizeBytes} bytes`, expected: `8 for each key, 1 to ${MAX_ROWS} keys`, table: name });
  }
  const dim = vectors.sizeBytes / numRows / 4;
  if (!Number.isInteger(dim) || dim < 1 || dim > MAX_DIM) {
    const expected = `${numRows} keys x dim x 4 bytes, dim 1 to ${MAX_DIM}`;
    throw fileError(vectors.path, { got: `${vectors.sizeBytes} bytes`, expected, table: name });
  }
  return {
    name,
    numRows,
    dim,
    rows: floatRows({ file: vectors, offset: 0, valueCount: numRows * dim, type: "f32" }),
    keys: keyStream({ file: keys, offset: 0, count: keys.sizeBytes }),
    stored: { type: "F32", file: vectors.path, bytes: vectors.sizeBytes },
  };
}
