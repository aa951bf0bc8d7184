import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { fileError, quote } from "./fault.js";
import { asFileError } from "./file.js";
import { openFolder } from "./folder.js";
import { openFile } from "./model-file.js";
import type { ModelTables } from "./types.js";

/** Options of openModels. */
export interface OpenModelsOptions {
  /** Of a model repository (name/1/..., name/2/...): the highest version of each model, or all; default "latest". */
  versions?: "latest" | "all";
}

/**
 * Opens the models at `path` and reads their headers:
 * - a file is one model, named after it: .safetensors, .safetensors.index.json (a model in several files), .npy, .npz, .onnx;
 * - a folder with `key` and `emb_vector` is a model of one table, a folder of such folders one of several (HPS);
 * - a folder of model files is as many models, sorted by name; the files that an index names are one model, with the folder's name if it is alone;
 * - a folder of folders with version folders in them (name/1/...) is a model repository as Triton has it.
 *
 * Whoever opens models closes them, after the engine has loaded: no file stays open longer than that is wanted.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE: nothing there, cannot be read, corrupt, truncated, hostile; nothing is left open then
 */
export async function openModels(path: string, options: OpenModelsOptions = {}): Promise<ModelTables[]> {
  if (typeof path !== "string" || path === "") throw fileError(String(path), { got: "no path", expected: "the path of a file or folder" });
  const full = resolve(path);
  let isFolder: boolean;
  try {
    isFolder = (await stat(full)).isDirectory();
  } catch (cause) {
    throw asFileError(full, cause, "a file or folder of tables");
  }
  if (!isFolder) return [await openFile(full)];
  const models = await openFolder(full, options.versions ?? "latest");
  const names = new Map<string, ModelTables>();
  for (const model of models) {
    const id = `${model.name}/${model.version}`;
    const other = names.get(id);
    if (other !== undefined) {
      await Promise.all(models.map((one) => one.close()));
      const got = `two models named ${quote(model.name)}: ${basename(other.path)} and ${basename(model.path)}`;
      throw fileError(full, { got, expected: "each name once" });
    }
    names.set(id, model);
  }
  return models;
}
