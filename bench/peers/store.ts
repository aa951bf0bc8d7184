import type { Contender } from "../engine/contenders.js";
import { keep } from "../measure/keep.js";
import type { Facts } from "../report.js";
import type { Batch, Workload } from "../workloads/workload.js";
import { Unavailable } from "./peer.js";

/** Stores take a key and some book-keeping for each row: filling one with more takes longer than it is worth. */
const MAX_ROWS = 2_700_000;

/** How many rows come before each table's, so that (table, row) is one number. @throws Unavailable when there are too many */
export function firstKeys(tables: Workload["tables"]): number[] {
  let rows = 0;
  const first = tables.map(({ numRows }) => {
    const before = rows;
    rows += numRows;
    return before;
  });
  if (rows > MAX_ROWS) throw new Unavailable(`${rows} rows, and a store is filled with ${MAX_ROWS} at most`);
  return first;
}

/** The rows of one batch, by their keys in the order of its indices, as floats one behind the other. */
export type FetchRows = (keys: readonly number[], dims: readonly number[]) => Float32Array | Promise<Float32Array>;

/**
 * A key-value store as feature stores use one: the rows of a batch are got by key and pooled in JavaScript. A run is the whole rotation.
 */
export function storeContender(
  name: string,
  { tables, batches, rowsPerBatch }: Workload,
  how: { fetch: FetchRows; facts: Facts },
): Contender {
  const first = firstKeys(tables);
  const columns = tables.reduce((sum, { dim }) => sum + dim, 0);
  const plans = new Map(
    batches.map((batch) => {
      const keys: number[] = [];
      const dims: number[] = [];
      for (const [table, { dim }] of tables.entries()) {
        const begin = batch.offsets[table * batch.batchSize];
        const end = batch.offsets[(table + 1) * batch.batchSize];
        for (let n = begin; n < end; n += 1) {
          keys.push(first[table] + batch.indices[n]);
          dims.push(dim);
        }
      }
      return [batch, { keys, dims, out: new Float32Array(batch.batchSize * columns) }] as const;
    }),
  );
  const lookup = async (batch: Batch): Promise<Float32Array> => {
    const plan = plans.get(batch);
    if (plan === undefined) throw new Error(`${name}: a batch of another workload`);
    const got = how.fetch(plan.keys, plan.dims);
    pool(got instanceof Promise ? await got : got, batch, { tables, columns, out: plan.out });
    return plan.out;
  };
  return {
    timed: {
      kind: "async",
      name,
      unitsPerRun: rowsPerBatch * batches.length,
      run: async () => {
        for (let n = 0; n < batches.length; n += 1) keep((await lookup(batches[n]))[0]);
      },
    },
    lookup: async (some, read) => {
      for (const batch of some) read(await lookup(batch), batch);
    },
    // Sums of floats, each rounded as the reference's are.
    tolerance: 0,
    facts: how.facts,
  };
}

function pool(
  rows: Float32Array,
  { batchSize, offsets }: Batch,
  { tables, columns, out }: { tables: Workload["tables"]; columns: number; out: Float32Array },
): void {
  let from = 0;
  let column = 0;
  for (const [table, { dim }] of tables.entries()) {
    for (let sample = 0; sample < batchSize; sample += 1) {
      const bag = table * batchSize + sample;
      const to = sample * columns + column;
      const count = offsets[bag + 1] - offsets[bag];
      for (let d = 0; d < dim; d += 1) out[to + d] = count === 0 ? 0 : rows[from + d];
      for (let n = 1; n < count; n += 1) for (let d = 0; d < dim; d += 1) out[to + d] += rows[from + n * dim + d];
      from += count * dim;
    }
    column += dim;
  }
}
