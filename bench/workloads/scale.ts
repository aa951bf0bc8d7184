import { formatCount } from "../text-table.js";
import type { TableShape, WorkloadShape } from "./workload.js";

/** A published model's shape at full size. */
export interface FullShape extends Omit<WorkloadShape, "title" | "batchCount"> {
  /** What it is, without its size. */
  what: string;
}

/** What is to be gathered in one rotation: more than the last-level caches of most machines. */
const ROTATION_BYTES = 200e6;
const MAX_BATCHES = 64;
const MIN_BATCHES = 3;

/** Bytes of fp32 rows. */
export function tableBytes(tables: readonly TableShape[]): number {
  return tables.reduce((sum, { numRows, dim }) => sum + numRows * dim * 4, 0);
}

/** Divides all row counts by the same power of two, rounded up: the least with which the rows take at most `maxBytes` of fp32. */
export function divideRows(full: readonly TableShape[], maxBytes: number): { divisor: number; tables: readonly TableShape[] } {
  let divisor = 1;
  let tables = full;
  while (tableBytes(tables) > maxBytes && tables.some(({ numRows }) => numRows > 1)) {
    divisor *= 2;
    const by = divisor;
    tables = full.map((table) => ({ ...table, numRows: Math.ceil(table.numRows / by) }));
  }
  return { divisor, tables };
}

/** Divides row counts as divideRows, and takes as many batches as make a rotation that no cache holds. Titles say the scale. */
export function scaleToFit(full: FullShape, maxBytes: number): WorkloadShape {
  const { divisor, tables } = divideRows(full.tables, maxBytes);
  const { what, ...shape } = full;
  const rows = tables.reduce((sum, { numRows }) => sum + numRows, 0);
  const scale = divisor === 1 ? "full size" : `rows divided by ${divisor}`;
  const bytesPerBatch = full.batchSize * full.tables.reduce((sum, { dim, bagSize }) => sum + dim * 4 * (bagSize ?? full.bagSize), 0);
  return {
    ...shape,
    tables,
    title: `${what}; ${scale}: ${formatCount(rows)} rows, ${(tableBytes(tables) / 2 ** 30).toFixed(2)} GiB of fp32`,
    batchCount: Math.max(MIN_BATCHES, Math.min(MAX_BATCHES, Math.ceil(ROTATION_BYTES / bytesPerBatch))),
  };
}
