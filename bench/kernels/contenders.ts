import type { Engine } from "lagbag";
import type { Contender } from "../engine/contenders.js";
import { keep } from "../measure/keep.js";
import type { PlainJob, PlainVariant } from "../plain/lookup.js";
import type { Workload } from "../workloads/workload.js";
import { hugePagesText } from "./bare.js";

/** Plain loops; a run is the whole rotation. */
export function plainRotation(name: string, { lookup, name: loops }: PlainVariant, job: PlainJob, workload: Workload): Contender {
  const { batches, rowsPerBatch, bagSizes } = workload;
  return {
    timed: {
      kind: "sync",
      name,
      unitsPerRun: rowsPerBatch * batches.length,
      run: () => {
        for (let n = 0; n < batches.length; n += 1) keep(lookup(job, batches[n]));
      },
    },
    lookup: (some, read) => {
      for (const batch of some) {
        keep(lookup(job, batch));
        read(job.out.subarray(0, batch.batchSize * job.columns), batch);
      }
    },
    // As for every batch by itself: each of the engine's additions rounds by at most half an ulp of the bag's size.
    tolerance: Math.max(...bagSizes) ** 2 * 2 ** -24,
    facts: { loops },
  };
}

/** lookupSync into an array of the caller's own; a run is the whole rotation. */
export function syncRotation(name: string, engine: Engine, { batches, rowsPerBatch, tables }: Workload): Contender {
  const columns = tables.reduce((sum, { dim }) => sum + dim, 0);
  const outs = new Map(batches.map(({ batchSize }) => [batchSize, new Float32Array(batchSize * columns)]));
  const calls = batches.map((batch) => ({ batch, out: outs.get(batch.batchSize) }));
  return {
    timed: {
      kind: "sync",
      name,
      unitsPerRun: rowsPerBatch * batches.length,
      run: () => {
        for (let n = 0; n < calls.length; n += 1) keep(engine.lookupSync(calls[n].batch, calls[n].out).values[0]);
      },
    },
    lookup: (some, read) => {
      for (const batch of some) read(engine.lookupSync(batch, outs.get(batch.batchSize)).values, batch);
    },
    tolerance: 0,
    facts: { memoryMode: engine.stats().memory.mode, hugePages: hugePagesText(engine.stats().memory.hugePages) },
  };
}
