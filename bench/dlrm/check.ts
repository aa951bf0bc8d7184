import type { Contender } from "../engine/contenders.js";
import type { Workload } from "../workloads/workload.js";

/** Largest difference of a prediction from PyTorch's: additions in another order, of some hundred values each. */
export const TOLERANCE = 1e-6;

/** What somebody predicted, batch by batch, one value a sample. */
export interface Predictions {
  name: string;
  batches: readonly Float32Array[];
}

/** Has a contender predict all batches in the way that is timed. */
export async function predictionsOf({ timed, lookup }: Contender, { batches }: Workload): Promise<Predictions> {
  const predicted = new Map<unknown, Float32Array>();
  await lookup(batches, (values, batch) => predicted.set(batch, values.slice()));
  return { name: timed.name, batches: batches.map((batch) => predicted.get(batch) ?? new Float32Array(0)) };
}

/**
 * Compares predictions with those of somebody else; `tolerance` 0 means: the same bits. Returns the largest difference.
 * @throws an Error that names the first batch and sample that differ by more
 */
export function comparePredictions(got: Predictions, expected: Predictions, tolerance: number): number {
  let largest = 0;
  for (const [batch, wanted] of expected.batches.entries()) {
    const values = got.batches[batch];
    if (values.length !== wanted.length)
      throw new Error(`${got.name}: batch ${batch}: got ${values.length} predictions, expected ${wanted.length}`);
    for (const [sample, value] of wanted.entries()) {
      const difference = Math.abs(values[sample] - value);
      // Not "> tolerance": a NaN is right nowhere. There is no -0 among probabilities: a difference of 0 means the same bits.
      if (!(difference <= tolerance)) {
        const how = tolerance === 0 ? ", bit for bit" : ` within ${tolerance}`;
        throw new Error(`${got.name}: batch ${batch}, sample ${sample}: got ${values[sample]}, expected ${value} (${expected.name})${how}`);
      }
      largest = Math.max(largest, difference);
    }
  }
  return largest;
}
