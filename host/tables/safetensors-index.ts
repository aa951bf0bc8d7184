import { dirname } from "node:path";
import { fileError, quote } from "./fault.js";
import { TableFile } from "./file.js";
import { resolveNamed } from "./places.js";
import { readSafetensors } from "./safetensors.js";
import { isRecord, strictJson } from "./strict-json.js";
import type { FileTable, FoundTables, LeftOut } from "./types.js";

export const INDEX_ENDING = ".safetensors.index.json";
const MOST_INDEX_BYTES = 100_000_000;
const INDEX_DEPTH = 8;

/** The files that an index names, sorted, and which tensors it looks for in each. */
export function readIndex(index: TableFile): Map<string, Set<string>> {
  const { path, sizeBytes } = index;
  if (sizeBytes > MOST_INDEX_BYTES)
    throw fileError(path, { got: `${sizeBytes} bytes`, expected: `an index of at most ${MOST_INDEX_BYTES}` });
  const value = strictJson(index.readNow(0, sizeBytes), { path, what: "index", depth: INDEX_DEPTH });
  const map = isRecord(value) ? value.weight_map : undefined;
  if (!isRecord(map) || Object.keys(map).length === 0) {
    throw fileError(path, { where: "weight_map", got: map ?? "none", expected: "an object { tensor: file, ... } that is not empty" });
  }
  const files = new Map<string, Set<string>>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string") throw fileError(path, { where: `weight_map, ${quote(tensor)}`, got: file, expected: "a file's name" });
    const tensors = files.get(file) ?? new Set();
    files.set(file, tensors.add(tensor));
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * A model in several safetensors files: file by file in the order of their names, within one by data offset. `keep` gets every file that was
 * opened, also when this throws.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export async function readShardedSafetensors(index: TableFile, keep: (file: TableFile) => void): Promise<FoundTables> {
  const folder = dirname(index.path);
  const tables: FileTable[] = [];
  const leftOut: LeftOut[] = [];
  for (const [name, wanted] of readIndex(index)) {
    const path = await resolveNamed({ by: index.path, where: "weight_map", folder, name });
    const file = await TableFile.open(path);
    keep(file);
    const found = readSafetensors(file);
    const has = new Set([...found.tables, ...found.leftOut].map((one) => one.name));
    for (const tensor of wanted) {
      if (!has.has(tensor)) {
        throw fileError(path, { got: `no tensor ${quote(tensor)}`, expected: `one, as ${index.path} says` });
      }
    }
    tables.push(...found.tables.filter((table) => wanted.has(table.name)));
    leftOut.push(...found.leftOut.filter((one) => wanted.has(one.name)));
  }
  return { format: "safetensors", tables, leftOut };
}
