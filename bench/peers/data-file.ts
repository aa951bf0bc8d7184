import { closeSync, openSync, writeSync } from "node:fs";
import type { Workload } from "../workloads/workload.js";

/**
 * Writes what a contender in another process needs, little-endian: int32 tables, int32 sets; for each table int32 numRows, dim, seed; for each
 * set int32 batches, and for each of these int32 batchSize, indexCount, int32 offsets[tables * batchSize + 1], int32 indices[indexCount].
 * Rows are not in it: they follow from the seeds. All workloads have the same tables.
 */
export function writeDataFile(path: string, workloads: readonly Workload[]): void {
  const { seededTables } = workloads[0];
  const file = openSync(path, "wx", 0o600);
  try {
    const write = (values: readonly number[] | Int32Array): void => {
      const words = values instanceof Int32Array ? values : Int32Array.from(values);
      const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    };
    write([seededTables.length, workloads.length]);
    for (const { numRows, dim, seed } of seededTables) write([numRows, dim, seed]);
    for (const { batches } of workloads) {
      write([batches.length]);
      for (const { batchSize, indices, offsets } of batches) {
        write([batchSize, indices.length]);
        write(offsets);
        write(indices);
      }
    }
  } finally {
    closeSync(file);
  }
}
