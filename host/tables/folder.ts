import { basename, dirname } from "node:path";
import { fileError, quote } from "./fault.js";
import { TableFile } from "./file.js";
import { isHpsTable, readHpsTable } from "./hps.js";
import { isPickle, modelEnding, openFile, openWith, PICKLE_HINT } from "./model-file.js";
import { type Entry, listFolder } from "./places.js";
import { INDEX_ENDING, readIndex } from "./safetensors-index.js";
import type { ModelTables } from "./types.js";

/** What `lagbag cut` leaves for onnxruntime: a model, but none of tables. */
const DENSE_ENDING = "dense.onnx";
const VERSION = /^[1-9][0-9]{0,14}$/;

/** Which versions of a repository's models; "none": do not look for model folders, as within a version folder. */
export type Versions = "latest" | "all" | "none";

/**
 * The models in a folder, see openModels.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE; nothing is left open then
 */
export async function openFolder(folder: string, versions: Versions): Promise<ModelTables[]> {
  const entries = await listFolder(folder);
  if (isHpsTable(entries)) return [await openHps(folder, [folder])];
  const models: ModelTables[] = [];
  try {
    const files = await modelFiles(entries);
    for (const { path } of files) models.push(await openFile(path));
    const tables: string[] = [];
    for (const entry of entries.filter(({ isFolder }) => isFolder)) {
      const inner = await listFolder(entry.path);
      if (isHpsTable(inner)) tables.push(entry.path);
      else for (const version of chosen(inner, versions)) models.push(await openVersion(entry.name, version));
    }
    if (tables.length > 0) models.push(await openHps(folder, tables));
    if (models.length === 0) throw nothingIn(folder, entries);
    const [only] = models;
    const isAlone = models.length === 1 && only.path.toLowerCase().endsWith(INDEX_ENDING) && dirname(only.path) === folder;
    return isAlone ? [{ ...only, name: basename(folder) }] : models;
  } catch (error) {
    await Promise.all(models.map((model) => model.close()));
    throw error;
  }
}

/** The files that are models of their own: not the parts of another one. */
async function modelFiles(entries: readonly Entry[]): Promise<Entry[]> {
  const files = entries.filter(
    ({ name, isFolder }) => !isFolder && modelEnding(name) !== undefined && !name.toLowerCase().endsWith(DENSE_ENDING),
  );
  const parts = new Set<string>();
  for (const { name, path } of files) {
    if (!name.toLowerCase().endsWith(INDEX_ENDING)) continue;
    const index = await TableFile.open(path);
    try {
      for (const part of readIndex(index).keys()) parts.add(part);
    } finally {
      await index.close();
    }
  }
  return files.filter(({ name }) => !parts.has(name));
}

function openHps(folder: string, tables: readonly string[]): Promise<ModelTables> {
  return openWith({ name: basename(folder), path: folder }, async (keep) => {
    const found = [];
    for (const table of tables) found.push(await readHpsTable(table, keep));
    return { format: "hps", tables: found, leftOut: [] };
  });
}

/** The version folders that are wanted, lowest first. */
function chosen(entries: readonly Entry[], versions: Versions): Entry[] {
  const all = entries.filter(({ name, isFolder }) => isFolder && VERSION.test(name)).sort((a, b) => Number(a.name) - Number(b.name));
  return versions === "all" ? all : all.slice(-1).filter(() => versions === "latest");
}

async function openVersion(name: string, { name: version, path }: Entry): Promise<ModelTables> {
  const models = await openFolder(path, "none");
  if (models.length === 1) return { ...models[0], name, version };
  await Promise.all(models.map((model) => model.close()));
  throw fileError(path, { got: `${models.length} models`, expected: `one: this is version ${version} of model ${quote(name)}` });
}

function nothingIn(folder: string, entries: readonly Entry[]): Error {
  const pickle = entries.find(({ name, isFolder }) => !isFolder && isPickle(name));
  if (pickle !== undefined) return fileError(folder, { got: `${quote(pickle.name)}, a pickle by its name`, expected: PICKLE_HINT });
  const expected =
    "model files (.safetensors, .npy, .npz, .onnx), table folders with key and emb_vector, or model folders with version folders";
  return fileError(folder, { got: entries.length === 0 ? "an empty folder" : "no model in it", expected });
}
