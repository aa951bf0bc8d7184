import type { Engine, FeatureOptions, Plan } from "lagbag";
import { type ReferenceTable, referenceLookup } from "#host/reference.js";
import { formatCount, say, sayDetail, stage } from "./terminal.js";

/** Rounding may differ in the last bits; anything more is a fault. */
const TOLERANCE = 1e-5;
const SHOWN_DIGITS = 3;

/** One lookup: `offsets` has features * batchSize + 1 entries, feature-major. */
export interface Batch {
  batchSize: number;
  indices: Int32Array;
  offsets: Int32Array;
}

/** All that was looked up, and what came of it. */
export interface PooledRun {
  plan: Plan;
  tables: ReadonlyMap<string, ReferenceTable>;
  features: readonly FeatureOptions[];
  batches: readonly Batch[];
  /** The values in parts, in the order of the batches. */
  pooled: readonly Float32Array[];
}

/** The bags of one feature as one batch. */
export function packBags(bags: readonly (readonly number[])[]): Batch {
  const offsets = new Int32Array(bags.length + 1);
  for (const [sample, bag] of bags.entries()) offsets[sample + 1] = offsets[sample] + bag.length;
  return { batchSize: bags.length, indices: Int32Array.from(bags.flat()), offsets };
}

/** Rows that the batches read. */
export function countRows(batches: readonly Batch[]): number {
  return batches.reduce((sum, batch) => sum + batch.indices.length, 0);
}

/**
 * Pools all batches and gives their values one after the other, `columns` floats a sample. Every batch is submitted at
 * once, so that the ranks always have a next step: far fewer than the engine's queue takes.
 */
export async function poolAll(engine: Engine, batches: readonly Batch[], columns: number): Promise<Float32Array> {
  const values = new Float32Array(columns * batches.reduce((sum, { batchSize }) => sum + batchSize, 0));
  const lookups: Promise<unknown>[] = [];
  let start = 0;
  for (const batch of batches) {
    const end = start + batch.batchSize * columns;
    lookups.push(engine.lookup(batch, { out: values.subarray(start, end) }));
    start = end;
  }
  await Promise.all(lookups);
  return values;
}

/** Says in how many steps the lookups went through the ranks, and how evenly the ranks were busy. */
export function reportRanks(engine: Engine): void {
  const { steps, lookups, ranks } = engine.stats();
  const busyMs = ranks.map(({ writeMs, finishMs }) => formatCount(writeMs + finishMs));
  sayDetail("ranks", `${lookups} lookups in ${steps} steps; busy ${busyMs.join(", ")} ms`);
}

/** Holds all pooled values against the plain TypeScript lookup, and says how far off they are. */
export async function reportReference({ plan, tables, features, batches, pooled }: PooledRun): Promise<boolean> {
  const resolved = features.map(({ name, table, pooling = "sum" }) => {
    return { name, table, pooling, rowShardStarts: rowShardStarts(plan, table) };
  });
  const expected = await stage(
    "reference",
    () => batches.map((batch) => referenceLookup(tables, resolved, batch).values),
    () => "the same lookups by plain TypeScript loops",
  );
  const difference = maxDifference(concatenate(pooled), concatenate(expected));
  const valueCount = pooled.reduce((sum, values) => sum + values.length, 0);
  say(`reference: max difference ${Number(difference.toPrecision(SHOWN_DIGITS))} over ${valueCount} values`);
  return difference <= TOLERANCE;
}

/**
 * Where the shards of a row-wise table begin: their partial sums are added in this order, so the reference can do the
 * same and the bits be equal.
 */
function rowShardStarts(plan: Plan, table: string): number[] {
  const cut = plan.tables.find(({ name }) => name === table);
  return cut?.by === "row" ? cut.shards.map((shard) => plan.shards[shard].firstRow) : [0];
}

/**
 * The largest difference between two values at the same place: NaN if there is a NaN, infinite if the lengths differ.
 */
export function maxDifference(values: Float32Array, expected: Float32Array): number {
  if (values.length !== expected.length) return Number.POSITIVE_INFINITY;
  // Math.max gives NaN as soon as one argument is.
  return values.reduce((max, value, at) => Math.max(max, Math.abs(value - expected[at])), 0);
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
