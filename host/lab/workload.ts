import type { LookupBatch } from "../lookup/batch.js";
import type { TableOptions } from "../options.js";
import { type ReferenceTable, referenceLookup } from "../reference.js";
import { partSeed, seededRandom } from "./random.js";

/** How messages between ranks differ in size. */
export const MESSAGES = {
  even: "every rank sends every rank the same number of bytes",
  uneven: "bags and batches differ, so messages do: the largest is some fifty times the smallest",
  empty: "most bags are empty, and many steps have fewer samples than ranks, so many messages are empty",
} as const;

/** Name of a message shape. */
export type Messages = keyof typeof MESSAGES;

const TABLES = 8;
const NUM_ROWS = 2000;
const DIM = 16;
const SAMPLES = 64;
/** Different batches; steps take them in turn. */
const BATCHES = 8;
/** Rows a bag of the hot table: pooling them takes about a millisecond. */
const HOT_ROWS = 400;

/** Tables and batches of a scenario, with the answers. */
export interface LabWorkload {
  tables: TableOptions[];
  batches: LookupBatch[];
  /** What the reference says to each batch. */
  expected: Float32Array[];
}

/** Seeded tables and batches. hot: one table has bags of 400 rows, the others of one. */
export function makeWorkload({ messages, hot, seed }: { messages: Messages; hot: boolean; seed: number }): LabWorkload {
  const random = seededRandom(partSeed(seed, 2000));
  const rows = Array.from({ length: TABLES }, () => Float32Array.from({ length: NUM_ROWS * DIM }, () => 2 * random() - 1));
  const tables = rows.map(
    (values, t): TableOptions => ({ name: `t${t}`, numRows: NUM_ROWS, dim: DIM, rows: values, sharding: "table", lookupsPerSample: 1 }),
  );
  const bagRows: Record<Messages, (table: number) => number> = {
    even: () => 1,
    uneven: (table) => Math.floor(random() * (table === 0 ? 100 : 3)),
    empty: () => (random() < 0.9 ? 0 : 1),
  };
  const batchSize: Record<Messages, () => number> = {
    even: () => SAMPLES,
    uneven: () => 1 + Math.floor(random() * 2 * SAMPLES),
    empty: () => 1 + Math.floor(random() * 4),
  };
  const batches = Array.from({ length: BATCHES }, (): LookupBatch => {
    const samples = batchSize[messages]();
    const offsets = new Int32Array(TABLES * samples + 1);
    for (let bag = 0; bag < TABLES * samples; bag += 1) {
      const table = Math.floor(bag / samples);
      offsets[bag + 1] = offsets[bag] + (hot && table === 0 ? HOT_ROWS : bagRows[messages](table));
    }
    return {
      batchSize: samples,
      offsets,
      indices: Int32Array.from({ length: offsets[TABLES * samples] }, () => Math.floor(random() * NUM_ROWS)),
    };
  });
  const reference = new Map(tables.map(({ name, numRows, dim }, t): [string, ReferenceTable] => [name, { numRows, dim, rows: rows[t] }]));
  const features = tables.map(({ name }) => ({ name, table: name, pooling: "sum" as const }));
  const expected = batches.map(
    ({ batchSize: samples, indices, offsets }) => referenceLookup(reference, features, { batchSize: samples, indices, offsets }).values,
  );
  return { tables, batches, expected };
}
