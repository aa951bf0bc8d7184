import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileError, quote } from "../tables/fault.js";
import { asFileError, TableFile } from "../tables/file.js";
import { readOnnxTables } from "../tables/onnx.js";
import { ExternalFiles } from "../tables/onnx-data.js";
import { ONNX_TYPE, readOnnxModel } from "../tables/onnx-model.js";
import { streamBytes } from "../tables/stream.js";
import type { WriteProgress } from "../tables/write-safetensors.js";
import { writeSafetensors } from "../tables/write-safetensors.js";
import { denseModel, densePart } from "./dense.js";
import { type CutDescription, cutFile, describeCut } from "./describe.js";
import { GraphMap } from "./graph-map.js";
import { findLookups } from "./lookups.js";
import type { Piece } from "./protobuf-writer.js";

export const DENSE_FILE = "dense.onnx";
export const DESCRIPTION_FILE = "lagbag.json";

/** Options of cutModel. */
export interface CutOptions {
  /** The folder that gets the three files; made if it is not there. */
  out: string;
  /** Tables that stay in the dense part. */
  leave?: readonly string[];
  /** May files of these names be replaced? Default false. */
  force?: boolean;
  onProgress?: (progress: WriteProgress) => void;
  signal?: AbortSignal;
}

/**
 * Cuts an ONNX recommender in two: its embedding tables as NAME.safetensors, and dense.onnx, the rest, whose inputs are the pooled vectors and
 * what else it read. lagbag.json says which lookup makes which input.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE naming the node that cannot be cut, or the file that cannot be written; nothing is written then
 */
export async function cutModel(path: string, { out, leave = [], force = false, onProgress, signal }: CutOptions): Promise<CutDescription> {
  const files: TableFile[] = [];
  const keep = (file: TableFile): void => void files.push(file);
  try {
    const file = await TableFile.open(path);
    keep(file);
    const model = readOnnxModel(file);
    const external = new ExternalFiles(file, keep);
    const left = checkLeave(
      path,
      model.graph.initializers.map(({ name }) => name),
      leave,
    );
    const found = await readOnnxTables(model, external);
    const tables = found.tables.filter(({ name }) => !left.has(name));
    const tableNames = new Set(tables.map(({ name }) => name));
    const tensors = model.graph.initializers.filter(({ name }) => tableNames.has(name));
    const map = new GraphMap(model, model.graph);
    const notFloat = tensors.find(({ dataType }) => dataType !== ONNX_TYPE.FLOAT);
    if (notFloat !== undefined) {
      throw fileError(path, {
        where: `table ${quote(notFloat.name)}`,
        got: `type ${notFloat.dataType}`,
        expected: "FLOAT: lookups give floats; --leave TABLE keeps it in the dense part",
      });
    }
    const lookups = findLookups(map, tensors);
    if (lookups.length === 0) {
      throw fileError(path, { got: "no lookup that can be cut out", expected: "a Gather over a 2-D initialiser, or torch's EmbeddingBag" });
    }
    const part = densePart(map, lookups, tableNames);
    const usedNames = new Set(part.lookups.map(({ table }) => table));
    const used = tables.filter(({ name }) => usedNames.has(name));
    const stem = basename(path).replace(/\.onnx$/i, "") || "model";
    const description = describeCut(part, {
      tablesFile: `${stem}.safetensors`,
      denseFile: DENSE_FILE,
      tables: used,
      outputs: map.graph.outputs,
    });
    const pieces = await denseModel(model, part, external);

    const text = Buffer.from(`${JSON.stringify(cutFile(stem, description), null, 2)}\n`);
    await writeTogether(out, force, {
      [description.tables]: (target) => writeSafetensors(target, used, { ...(onProgress && { onProgress }), ...(signal && { signal }) }),
      [DENSE_FILE]: (target) => writePieces(target, pieces),
      [DESCRIPTION_FILE]: (target) => writePieces(target, [text]),
    });
    return description;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** `leave` as a set. Throws where it names no initialiser. */
function checkLeave(path: string, initializers: readonly string[], leave: readonly string[]): Set<string> {
  for (const name of leave) {
    if (!initializers.includes(name)) throw fileError(path, { where: "--leave", got: quote(name), expected: "the name of an initialiser" });
  }
  return new Set(leave);
}

/** Writes files to a folder beside their places, then moves them there: all, or none of them. */
async function writeTogether(
  out: string,
  force: boolean,
  files: Readonly<Record<string, (target: string) => Promise<void>>>,
): Promise<void> {
  const temporary = join(out, `.cut-${process.pid}`);
  try {
    await mkdir(out, { recursive: true });
    for (const name of Object.keys(files)) await refuseToReplace(join(out, name), force);
    await mkdir(temporary);
    for (const [name, write] of Object.entries(files)) await write(join(temporary, name));
    for (const name of Object.keys(files)) await rename(join(temporary, name), join(out, name));
  } catch (cause) {
    throw asFileError(out, cause, "a folder that can be written to");
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function refuseToReplace(path: string, force: boolean): Promise<void> {
  if (!force && (await stat(path).catch(() => undefined)) !== undefined) {
    throw fileError(path, { got: "a file that is there already", expected: "an empty folder, or leave to replace it" });
  }
}

async function writePieces(path: string, pieces: readonly Piece[]): Promise<void> {
  const file = await open(path, "wx");
  try {
    for (const piece of pieces) {
      if (piece instanceof Uint8Array) await file.writeFile(piece);
      else for await (const chunk of streamBytes(piece)) await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
}
