/** Lookups that work, each at an edge where kernels and layouts tend to break. */
import type { Pooling } from "#host/options.js";
import type { ReferenceFeature, ReferenceTable } from "#host/reference.js";
import type { Case } from "./case.js";
import { keyedCases } from "./keyed.js";
import { flattenBags, type Random, randomBag, randomBatch, randomTable, randomWeights, seededRandom } from "./random.js";

const SEED = 0x1a6ba6;
const POOLINGS: readonly Pooling[] = ["sum", "mean", "max", "none"];
/** What weights go with. */
const WEIGHTABLE: readonly Pooling[] = ["sum", "none"];
/** Around the 4 lanes of a SIMD register, 8 and 16 floats of unrolled loops and cache lines, past 128; 64 and 250 fill whole lines with codes of 8, 4 or 2 bits. */
const DIM_TAILS = [1, 2, 3, 5, 7, 17, 33, 64, 100, 130, 250] as const;
const HUGE_BAG_ROWS = 5000;
/** Not a multiple of 4: every case has a tail after the last whole SIMD register. */
const DIM = 7;
const NUM_ROWS = 29;
const QUIET_NAN_WITH_PAYLOAD = 0x7fc0_1234;

/** Bags of rows of one table, read by one feature for each pooling, all with the same bags. */
interface SingleTable {
  bags: readonly (readonly number[])[];
  table?: ReferenceTable;
  paddingIndex?: number;
  weighted?: boolean;
  int64?: boolean;
}

/** All cases by their names; equal names never occur. */
export function cornerCases(): Case[] {
  const random = seededRandom(SEED);
  const single = (name: string, options: SingleTable): Case => singleTable(random, name, options);
  const bag = (length: number): number[] => randomBag(random, NUM_ROWS, length);
  const last = NUM_ROWS - 1;
  const uneven = [[], bag(1), bag(2), bag(3), bag(4), bag(5), bag(9), bag(40), []];
  return [
    single("EMPTY_BAGS", { bags: [[], bag(3), [], [], bag(1), []] }),
    single("ALL_EMPTY", { bags: [[], [], []] }),
    single("ONE_ROW", { bags: [[0], [5], [5], [last], [1]] }),
    ...DIM_TAILS.map((dim) => single(`DIM_TAIL ${dim}`, { bags: uneven, table: randomTable(random, { numRows: NUM_ROWS, dim }) })),
    single("LAST_ROW", { bags: [[last], [0, last], [last, 0], [last, last, last]] }),
    single("NAN_ROWS", { bags: [[3], [3, 1], [1, 3], [1, 3, 2], [4, 5], [5, 4, 0], [1, 2]], table: nanTable(random) }),
    single("NEGATIVE_ZERO", { bags: [[0], [0, 0], [0, 1], [1, 0], [1], [0, 2], [0, 0, 0]], table: zerosTable(random) }),
    single("HUGE_BAG", { bags: [bag(2), bag(HUGE_BAG_ROWS), [], bag(1)] }),
    single("PADDING some", { bags: [[4], [4, 1, 2], [1, 4, 2], [1, 2, 4, 4], [3, 4], [0, last]], paddingIndex: 4 }),
    single("PADDING all", { bags: [[4], [4, 4, 4], []], paddingIndex: 4 }),
    single("PADDING from the end", { bags: [[last], [last, 1], [0, last, 2], [1, 0]], paddingIndex: -1 }),
    single("PADDING row 0", { bags: [[0], [0, 1], [2, 0, 3], [1, last]], paddingIndex: 0 }),
    single("WEIGHTED", { bags: uneven, weighted: true }),
    single("WEIGHTED padding", { bags: [[4], [4, 1, 2], [1, 4], [2, 3]], weighted: true, paddingIndex: 4 }),
    single("INT64", { bags: uneven, int64: true }),
    single("INT64 weighted", { bags: uneven, int64: true, weighted: true }),
    single("INT64 padding", { bags: [[4], [4, 1, 2], [1, 4], [2, 3]], int64: true, paddingIndex: 4 }),
    mixed(random, "MIXED", false),
    mixed(random, "MIXED int64", true),
    single("SINGLE_SAMPLE", { bags: [bag(6)] }),
    single("BATCH_OF_ZERO", { bags: [] }),
    single("TABLE_OF_ONE_ROW", { bags: [[0], [], [0, 0, 0]], table: randomTable(random, { numRows: 1, dim: DIM }) }),
    single("TABLE_OF_ONE_ROW padding", {
      bags: [[0], [], [0, 0]],
      table: randomTable(random, { numRows: 1, dim: DIM }),
      paddingIndex: 0,
    }),
    ...keyedCases(),
  ];
}

function singleTable(random: Random, name: string, options: SingleTable): Case {
  const { bags, weighted = false, int64 = false, paddingIndex } = options;
  const poolings = weighted ? WEIGHTABLE : POOLINGS;
  const padding = paddingIndex === undefined ? {} : { paddingIndex };
  const features = poolings.map((pooling) => ({ name: `by ${pooling}`, table: "t", pooling, ...padding }));
  const table = options.table ?? randomTable(random, { numRows: NUM_ROWS, dim: DIM });
  const bagsOfAll = features.flatMap(() => bags);
  const flat = flattenBags(bagsOfAll, int64);
  const weights = weighted ? { weights: randomWeights(random, flat.indices.length) } : {};
  return { name, tables: new Map([["t", table]]), features, batch: { batchSize: bags.length, ...flat, ...weights } };
}

/** Many features, several on one table, every pooling, in an order that mixes them; Zipf-like access, uneven bags. */
function mixed(random: Random, name: string, int64: boolean): Case {
  const tables = new Map([
    ["user", randomTable(random, { numRows: 50, dim: 16 })],
    ["item", randomTable(random, { numRows: 31, dim: 5 })],
    ["word", randomTable(random, { numRows: 400, dim: 33 })],
    ["flag", randomTable(random, { numRows: 2, dim: 1 })],
  ]);
  const features: ReferenceFeature[] = [
    { name: "words", table: "word", pooling: "none" },
    { name: "user clicks", table: "user", pooling: "sum" },
    { name: "item", table: "item", pooling: "max", paddingIndex: 0 },
    { name: "user views", table: "user", pooling: "mean", paddingIndex: -50 },
    { name: "flag", table: "flag", pooling: "sum" },
    { name: "title", table: "word", pooling: "mean" },
    { name: "items", table: "item", pooling: "none", paddingIndex: 2 },
    { name: "user peak", table: "user", pooling: "max" },
    { name: "text", table: "word", pooling: "sum", paddingIndex: 1 },
  ];
  const batch = randomBatch(random, { tables, features, batchSize: 13, access: "zipf", int64 });
  return { name, tables, features, batch };
}

/** Row 3: NaN in its first, middle (with a payload) and last column; row 4: all +Infinity, row 5: all -Infinity. */
function nanTable(random: Random): ReferenceTable {
  const table = randomTable(random, { numRows: NUM_ROWS, dim: DIM });
  const row = (index: number): Float32Array => table.rows.subarray(index * DIM, (index + 1) * DIM);
  for (const column of [0, 3, DIM - 1]) row(3)[column] = Number.NaN;
  new Uint32Array(table.rows.buffer)[3 * DIM + 3] = QUIET_NAN_WITH_PAYLOAD;
  row(4).fill(Number.POSITIVE_INFINITY);
  row(5).fill(Number.NEGATIVE_INFINITY);
  return table;
}

/** Row 0: all -0, row 1: all +0, row 2: all negative. */
function zerosTable(random: Random): ReferenceTable {
  const table = randomTable(random, { numRows: NUM_ROWS, dim: DIM });
  table.rows
    .fill(-0, 0, DIM)
    .fill(0, DIM, 2 * DIM)
    .fill(-1.5, 2 * DIM, 3 * DIM);
  return table;
}
