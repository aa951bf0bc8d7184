import { basename } from "node:path";
import { rowBytes } from "../rows/rows.js";
import { fileError, quote } from "./fault.js";
import { TableFile } from "./file.js";
import { readNpy } from "./npy.js";
import { readNpz } from "./npz.js";
import { readOnnx } from "./onnx.js";
import { readSafetensors } from "./safetensors.js";
import { INDEX_ENDING, readShardedSafetensors } from "./safetensors-index.js";
import type { FileTable, FoundTables, ModelTables } from "./types.js";

/** What a reader of a format is given besides the file. */
interface ReadContext {
  /** The file's name without its ending. */
  stem: string;
  /** Takes every further file that was opened, also when the reader throws. */
  keep: (file: TableFile) => void;
}

type Reader = (file: TableFile, context: ReadContext) => FoundTables | Promise<FoundTables>;

/** By the ending of a file's name. */
const READERS: Readonly<Record<string, Reader>> = {
  [INDEX_ENDING]: (file, { keep }) => readShardedSafetensors(file, keep),
  ".safetensors": (file) => readSafetensors(file),
  ".npy": (file, { stem }) => readNpy(file, stem),
  ".npz": (file) => readNpz(file),
  ".onnx": (file, { keep }) => readOnnx(file, keep),
};
/** No planner takes more in a time that anybody waits for. */
const MOST_TABLES = 65_536;
const PICKLE_ENDINGS: readonly string[] = [".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"];

/** What a user with a pickle can do. */
export const PICKLE_HINT =
  "a .safetensors file: pickles run code when they are read. In Python: from safetensors.torch import save_file; save_file(model.state_dict(), 'm.safetensors')";

/** The ending of a file that can be read as a model, or undefined. */
export function modelEnding(name: string): string | undefined {
  const lower = name.toLowerCase();
  return Object.keys(READERS).find((ending) => lower.endsWith(ending) && lower.length > ending.length);
}

/** Whether a file is named as pickles are. */
export function isPickle(name: string): boolean {
  return PICKLE_ENDINGS.some((ending) => name.toLowerCase().endsWith(ending));
}

/** One model from one file. @throws (rejects) EmbeddingError EMBEDDING_FILE */
export async function openFile(path: string): Promise<ModelTables> {
  const name = basename(path);
  const ending = modelEnding(name);
  if (ending === undefined) {
    if (isPickle(name)) throw fileError(path, { got: "a pickle, by its name", expected: PICKLE_HINT });
    throw fileError(path, { got: `the name ${quote(name)}`, expected: `one that ends in ${Object.keys(READERS).join(", ")}` });
  }
  const stem = name.slice(0, -ending.length);
  return openWith({ name: stem, path }, async (keep) => {
    const file = await TableFile.open(path);
    keep(file);
    return READERS[ending](file, { stem, keep });
  });
}

/** A model of what `read` finds; its files are closed when that throws. */
export async function openWith(
  { name, path }: { name: string; path: string },
  read: (keep: (file: TableFile) => void) => Promise<FoundTables>,
): Promise<ModelTables> {
  const files: TableFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const { format, tables, leftOut } = await read((file) => files.push(file));
    if (tables.length > MOST_TABLES) throw fileError(path, { got: `${tables.length} tables`, expected: `at most ${MOST_TABLES}` });
    return {
      name,
      version: "1",
      path,
      format,
      tables,
      leftOut,
      tableBytes: tables.reduce((sum, table) => sum + heldBytes(table), 0),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Bytes of a table's rows as an engine holds them, padding not counted. */
function heldBytes({ numRows, dim, dtype }: FileTable): number {
  return numRows * rowBytes(dtype ?? "fp32", dim);
}
