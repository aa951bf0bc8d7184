import type { Engine } from "lagbag";
import { keep } from "../measure/keep.js";
import type { TimedCase } from "../measure/sample.js";
import type { PlainJob, PlainVariant } from "../plain/lookup.js";
import type { Facts } from "../report.js";
import { firstDifference } from "../workloads/check.js";
import type { Batch, Workload } from "../workloads/workload.js";

/** Is shown the values of a batch, which are valid during the call. */
export type ReadValues = (values: Float32Array, batch: Batch) => void;

/** One way to look up the batches of a workload. */
export interface Contender {
  timed: TimedCase;
  /** Looks up batches in the way that is timed. */
  lookup: (batches: readonly Batch[], read: ReadValues) => void | Promise<void>;
  /** Largest difference from the reference that is right for it; 0: the same bits. */
  tolerance: number;
  facts: Facts;
}

/** Batches in turn, for ever. */
export function rotation(batches: readonly Batch[]): () => Batch {
  let next = 0;
  return () => {
    const batch = batches[next];
    next = next + 1 < batches.length ? next + 1 : 0;
    return batch;
  };
}

/** Plain loops over Float32Arrays; a run is one batch. */
export function plainContender(name: string, { lookup, name: variant }: PlainVariant, job: PlainJob, workload: Workload): Contender {
  const next = rotation(workload.batches);
  return {
    timed: { kind: "sync", name, unitsPerRun: workload.rowsPerBatch, run: () => keep(lookup(job, next())) },
    lookup: (batches, read) => {
      for (const batch of batches) {
        keep(lookup(job, batch));
        read(job.out, batch);
      }
    },
    // Sums of up to bagSize values below 1 in doubles or in another order: each of the engine's additions rounds by at most half an ulp of bagSize.
    tolerance: workload.bagSize ** 2 * 2 ** -24,
    facts: { loops: variant },
  };
}

/** lookupSync into an array of the caller's own, as the plain loops do; a run is one batch. */
export function syncContender(name: string, engine: Engine, workload: Workload): Contender {
  const next = rotation(workload.batches);
  const columns = workload.tables.reduce((sum, { dim }) => sum + dim, 0);
  const out = new Float32Array(workload.batchSize * columns);
  return {
    timed: { kind: "sync", name, unitsPerRun: workload.rowsPerBatch, run: () => keep(engine.lookupSync(next(), out).values[0]) },
    lookup: (batches, read) => {
      for (const batch of batches) read(engine.lookupSync(batch, out).values, batch);
    },
    tolerance: 0,
    facts: { memoryMode: engine.stats().memory.mode },
  };
}

/**
 * lookup, with `inFlight` of them under way at any time, as a service has that answers several callers. A run is the whole rotation: it
 * ends when its last lookup does, so the ranks' run-down is in the figure, once in so many batches.
 */
export function lookupContender(name: string, engine: Engine, workload: Workload, inFlight: number): Contender {
  const lookup = async (batches: readonly Batch[], read: ReadValues): Promise<void> => {
    const remaining = batches.values();
    const stream = async (): Promise<void> => {
      for (const batch of remaining) {
        const result = await engine.lookup(batch);
        read(result.values, batch);
        result.release();
      }
    };
    await Promise.all(Array.from({ length: inFlight }, stream));
  };
  const { batches, rowsPerBatch } = workload;
  return {
    timed: { kind: "async", name, unitsPerRun: rowsPerBatch * batches.length, run: () => lookup(batches, (values) => keep(values[0])) },
    lookup,
    tolerance: 0,
    facts: { memoryMode: engine.stats().memory.mode, inFlight },
  };
}

/**
 * Has a contender look up the batches in the way that is timed, and compares all values.
 * @throws (rejects) an Error that names the first value that is wrong
 */
export async function checkContender({ timed, lookup, tolerance }: Contender, expected: ReadonlyMap<Batch, Float32Array>): Promise<void> {
  const batches = [...expected.keys()];
  await lookup(batches, (values, batch) => {
    const difference = firstDifference(values, expected.get(batch) ?? new Float32Array(0), tolerance);
    if (difference === undefined) return;
    throw new Error(`${timed.name}: batch ${batches.indexOf(batch)}, ${difference}`);
  });
}
