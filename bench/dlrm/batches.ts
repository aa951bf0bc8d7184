import { writeFileSync } from "node:fs";
import { partSeed, seededRandom } from "../random.js";
import type { Batch, Workload } from "../workloads/workload.js";

/** Part of the seed that no table has. */
const DENSE_PART = 1_000_000;

/** A batch with the dense inputs of its samples, [batchSize, columns]; a LookupBatch of lagbag. */
export interface DlrmBatch extends Batch {
  stageInput: Float32Array;
}

export interface DlrmWorkload extends Workload {
  batches: DlrmBatch[];
}

/** A workload with dense inputs in [0, 1). */
export function withDenseInputs(workload: Workload, columns: number, seed: number): DlrmWorkload {
  const random = seededRandom(partSeed(seed, DENSE_PART));
  const batches = workload.batches.map((batch) => ({
    ...batch,
    stageInput: Float32Array.from({ length: batch.batchSize * columns }, () => random()),
  }));
  return { ...workload, batches };
}

/** Writes the dense inputs of all batches, one after the other, little-endian. */
export function writeDenseFile(path: string, { batches }: DlrmWorkload): void {
  const parts = batches.map(({ stageInput }) => Buffer.from(stageInput.buffer, stageInput.byteOffset, stageInput.byteLength));
  writeFileSync(path, Buffer.concat(parts), { flag: "wx", mode: 0o600 });
}
