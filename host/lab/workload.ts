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

/** Index of the table that is hot where one is. */
export const HOT_TABLE = 0;
const TABLES = 8;
const NUM_ROWS = 2000;
const DIM = 16;
/** Of the hot table: pooling its bags takes a rank some milliseconds a step. */
const HOT_DIM = 256;
const SAMPLES = 64;
/** Different batches; steps take them in turn. */
const BATCHES = 8;
/** The same with a hot table: they are large. */
const HOT_BATCHES = 2;
/** Rows a bag of the hot table. */
const HOT_ROWS = 2000;

/** Tables and batches of a scenario, with the answers. */
export interface LabWorkload {
  tables: TableOptions[];
  batches: LookupBatch[];
  /** What the reference says to each batch. */
  expected: Float32Array[];
}

/** What is asked for most: nothing, a table, or some rows of a table that is cut by rows. */
export type Hot = "nothing" | "table" | "rows";

/** Rows of a table that are hot: so few that one shard holds them all, with up to 64 ranks. So the order of additions is that of an uncut table. */
const HOT_COUNT = Math.floor(NUM_ROWS / 64);

/** Seeded tables and batches. hot: table 0 has bags of 2,000 rows, the others of one; "rows": all of them from its first rows. */
export function makeWorkload({ messages, hot, seed }: { messages: Messages; hot: Hot; seed: number }): LabWorkload {
  const random = seededRandom(partSeed(seed, 2000));
  const dims = Array.from({ length: TABLES }, (_, t) => (hot !== "nothing" && t === HOT_TABLE ? HOT_DIM : DIM));
  const rows = dims.map((dim) => Float32Array.from({ length: NUM_ROWS * dim }, () => 2 * random() - 1));
  const tables = rows.map(
    (values, t): TableOptions => ({
      name: `t${t}`,
      numRows: NUM_ROWS,
      dim: dims[t],
      rows: values,
      sharding: hot === "rows" && t === HOT_TABLE ? "row" : "table",
      lookupsPerSample: 1,
    }),
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
  const batches = Array.from({ length: hot === "nothing" ? BATCHES : HOT_BATCHES }, (): LookupBatch => {
    const samples = batchSize[messages]();
    const offsets = new Int32Array(TABLES * samples + 1);
    for (let bag = 0; bag < TABLES * samples; bag += 1) {
      const table = Math.floor(bag / samples);
      offsets[bag + 1] = offsets[bag] + (hot !== "nothing" && table === HOT_TABLE ? HOT_ROWS : bagRows[messages](table));
    }
    return {
      batchSize: samples,
      offsets,
      indices: Int32Array.from({ length: offsets[TABLES * samples] }, (_, position) => {
        const isHot = hot === "rows" && position < offsets[samples];
        return Math.floor(random() * (isHot ? HOT_COUNT : NUM_ROWS));
      }),
    };
  });
  const reference = new Map(tables.map(({ name, numRows, dim }, t): [string, ReferenceTable] => [name, { numRows, dim, rows: rows[t] }]));
  const features = tables.map(({ name }) => ({ name, table: name, pooling: "sum" as const }));
  const expected = batches.map(
    ({ batchSize: samples, indices, offsets }) => referenceLookup(reference, features, { batchSize: samples, indices, offsets }).values,
  );
  return { tables, batches, expected };
}
