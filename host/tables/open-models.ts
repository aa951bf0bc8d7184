import { basename, resolve } from "node:path";
import { fileError } from "./fault.js";
import { TableFile } from "./file.js";
import { readSafetensors } from "./safetensors.js";
import { INDEX_ENDING, readShardedSafetensors } from "./safetensors-index.js";
import type { FoundTables, ModelTables } from "./types.js";

type Keep = (file: TableFile) => void;
type Reader = (file: TableFile, keep: Keep) => FoundTables | Promise<FoundTables>;

/** By the ending of a file's name. */
const READERS: Readonly<Record<string, Reader>> = {
  [INDEX_ENDING]: readShardedSafetensors,
  ".safetensors": readSafetensors,
};

/** The reader for a file of this name, and the name without its ending. */
function readerOf(name: string): { read: Reader; stem: string } | undefined {
  const lower = name.toLowerCase();
  const ending = Object.keys(READERS).find((one) => lower.endsWith(one) && lower.length > one.length);
  return ending === undefined ? undefined : { read: READERS[ending], stem: name.slice(0, -ending.length) };
}

/** @throws (rejects) EmbeddingError EMBEDDING_FILE: cannot be read, corrupt, truncated, hostile */
export async function openModels(path: string): Promise<ModelTables[]> {
  const full = resolve(path);
  const reader = readerOf(basename(full));
  if (reader === undefined) throw fileError(full, { got: "a name that ends otherwise", expected: Object.keys(READERS).join(", ") });
  return [await openModel(reader.stem, full, reader.read)];
}

async function openModel(name: string, path: string, read: Reader): Promise<ModelTables> {
  const files: TableFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const file = await TableFile.open(path);
    files.push(file);
    const { format, tables, leftOut } = await read(file, (one) => files.push(one));
    const tableBytes = tables.reduce((sum, { numRows, dim }) => sum + numRows * dim * 4, 0);
    return { name, version: "1", path, format, tables, leftOut, tableBytes, close };
  } catch (error) {
    await close();
    throw error;
  }
}
