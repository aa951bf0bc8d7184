import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Workload } from "../workloads/workload.js";

/** Seen from build/bench/dlrm. */
const EXPORT = fileURLToPath(new URL("../../../tools/dlrm/export.py", import.meta.url));
const EXPORT_MS = 300_000;

/** What dlrm.json says of a model. */
interface Description {
  rows: number[];
  hots: number[];
  dim: number;
  /** Dense inputs of a sample. */
  dense: number;
  /** Widths of the MLPs, inputs first. */
  bottom: number[];
  top: number[];
}

/** A model as files. */
export interface ExportedModel {
  tablesFile: string;
  denseFile: string;
  /** Dense inputs of a sample. */
  inputColumns: number;
  /** "13-512-256-64-16 and 367-512-256-1" */
  layers: string;
}

/**
 * Has PyTorch write a model with the tables of a workload.
 * @throws (rejects) an Error with the script's last line, or with what differs from the workload
 */
export async function exportModel(
  name: string,
  workload: Workload,
  { python, divisor, folder }: { python: string; divisor: number; folder: string },
): Promise<ExportedModel> {
  try {
    const args = [EXPORT, "--shape", name, "--scale", String(divisor), "--samples", "1", "--out", folder];
    await promisify(execFile)(python, args, { timeout: EXPORT_MS });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`${python} tools/dlrm/export.py --shape ${name}: ${stderr?.trim().split("\n").at(-1) || message}`);
  }
  const description = JSON.parse(readFileSync(join(folder, "dlrm.json"), "utf8")) as Description;
  checkDescription(name, workload, description);
  const { dense, bottom, top } = description;
  return {
    tablesFile: join(folder, "tables.safetensors"),
    denseFile: join(folder, "dense.onnx"),
    inputColumns: dense,
    layers: `${bottom.join("-")} and ${top.join("-")}`,
  };
}

/** @throws an Error when a model was exported with other tables than the workload has */
export function checkDescription(
  name: string,
  { tables, bagSizes }: Pick<Workload, "tables" | "bagSizes">,
  { rows, hots, dim }: Pick<Description, "rows" | "hots" | "dim">,
): void {
  const shown = (values: readonly (readonly number[])[]): string => values.map((table) => table.join(" x ")).join(", ");
  const got = shown(rows.map((count, table) => [count, dim, hots[table]]));
  const expected = shown(tables.map((table, n) => [table.numRows, table.dim, bagSizes[n]]));
  if (got !== expected) throw new Error(`${name}: export.py wrote tables (rows x dim x lookups) ${got}, expected ${expected}`);
}
