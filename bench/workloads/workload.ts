import { fillElements, partSeed, type Random, seededRandom } from "../random.js";
import { type Distribution, type Draw, drawFrom } from "./draw.js";

/** A table, and what a sample looks up in it. */
export interface TableShape {
  numRows: number;
  dim: number;
  /** Rows a bag; default: the workload's. */
  bagSize?: number;
}

/** Tables, and batches of bags; all bags of a table have the same size. */
export interface WorkloadShape {
  /** As a filter on the command line picks it. */
  name: string;
  /** What it is, in a line, with everything that was scaled. */
  title: string;
  tables: readonly TableShape[];
  batchSize: number;
  /** Rows a bag, for every table that does not say otherwise. */
  bagSize: number;
  /** Default: uniform. */
  draw?: Distribution;
  /** Batches that are looked up in rotation: their rows should be larger than the last-level cache. */
  batchCount: number;
}

/** A table by its seed: nothing is held until somebody asks for rows. */
export interface SeededTable {
  name: string;
  numRows: number;
  dim: number;
  /** lagbag's RowSource; also fills the plain contenders' tables. */
  rows: (first: number, count: number, out: Float32Array) => void;
  /** Of its elements: whoever knows fillElements can make the same rows elsewhere. */
  seed: number;
}

/** A batch of lookups; a LookupBatch of lagbag and a PlainBatch alike. */
export interface Batch {
  batchSize: number;
  indices: Int32Array;
  offsets: Int32Array;
}

export interface Workload extends WorkloadShape {
  seededTables: SeededTable[];
  /** Rows a bag, table by table; of a trace whose bags differ, the largest, at least 2. */
  bagSizes: readonly number[];
  batches: Batch[];
  /** Rows and bytes of rows that one batch gathers; of a trace, the mean. */
  rowsPerBatch: number;
  bytesPerBatch: number;
}

/** Makes the data of a workload. */
export function makeWorkload(shape: WorkloadShape, seed: number): Workload {
  const { tables, batchSize, batchCount, draw = { kind: "uniform" } } = shape;
  const random = seededRandom(seed);
  const sizes = tables.map((table) => table.bagSize ?? shape.bagSize);
  const offsets = new Int32Array(tables.length * batchSize + 1);
  for (let bag = 0; bag + 1 < offsets.length; bag += 1) offsets[bag + 1] = offsets[bag] + sizes[Math.floor(bag / batchSize)];
  const indicesPerBatch = offsets[offsets.length - 1];
  const draws = tables.map(({ numRows }, table) => drawFrom(draw, { numRows, accesses: sizes[table] * batchSize * batchCount }));
  // One array for all batches: small ones would each cost more than they hold.
  const indices = new Int32Array(indicesPerBatch * batchCount);
  const batches = Array.from({ length: batchCount }, (_, n) => {
    const own = indices.subarray(n * indicesPerBatch, (n + 1) * indicesPerBatch);
    drawIndices(own, { draws, sizes, batchSize }, random);
    return { batchSize, indices: own, offsets };
  });
  const floatsPerSample = tables.reduce((sum, { dim }, table) => sum + dim * sizes[table], 0);
  return {
    ...shape,
    seededTables: seedTables(tables, seed),
    bagSizes: sizes,
    batches,
    rowsPerBatch: indicesPerBatch,
    bytesPerBatch: floatsPerSample * batchSize * 4,
  };
}

/** The same tables with one batch in rotation, so small that its rows stay in a cache of `bytes`; one sample if even that is larger. */
export function warmWorkload(workload: Workload, bytes: number): Workload {
  const { batchSize, bytesPerBatch, batches, tables } = workload;
  const count = Math.max(1, Math.min(batchSize, Math.floor((bytes * batchSize) / bytesPerBatch)));
  const batch = firstSamples(batches[0], { count, features: tables.length });
  const rowsOf = (table: number): number => batch.offsets[(table + 1) * count] - batch.offsets[table * count];
  return {
    ...workload,
    batchSize: count,
    batchCount: 1,
    batches: [batch],
    rowsPerBatch: batch.indices.length,
    bytesPerBatch: tables.reduce((sum, { dim }, table) => sum + dim * rowsOf(table) * 4, 0),
  };
}

/** The first samples of a batch as a batch of its own. */
function firstSamples({ batchSize, indices, offsets }: Batch, { count, features }: { count: number; features: number }): Batch {
  const ranges = Array.from({ length: features }, (_, feature) => {
    const bag = feature * batchSize;
    return { bag, begin: offsets[bag], end: offsets[bag + count] };
  });
  const own = new Int32Array(ranges.reduce((sum, { begin, end }) => sum + end - begin, 0));
  const ownOffsets = new Int32Array(features * count + 1);
  let position = 0;
  for (const [feature, { bag, begin, end }] of ranges.entries()) {
    own.set(indices.subarray(begin, end), position);
    for (let sample = 0; sample <= count; sample += 1) ownOffsets[feature * count + sample] = offsets[bag + sample] - begin + position;
    position += end - begin;
  }
  return { batchSize: count, indices: own, offsets: ownOffsets };
}

/** Tables by the seed of their workload. */
export function seedTables(tables: readonly TableShape[], seed: number): SeededTable[] {
  return tables.map((table, index) => seededTable(table, index, seed));
}

/** The rows of a table as one array. */
export function materialise({ numRows, dim, rows }: SeededTable): Float32Array {
  const values = new Float32Array(numRows * dim);
  rows(0, numRows, values);
  return values;
}

function seededTable({ numRows, dim }: TableShape, index: number, seed: number): SeededTable {
  const own = partSeed(seed, index);
  return {
    name: `t${index}`,
    numRows,
    dim,
    rows: (first, count, out) => fillElements(own, first * dim, out.subarray(0, count * dim)),
    seed: own,
  };
}

interface Bags {
  draws: readonly Draw[];
  sizes: readonly number[];
  batchSize: number;
}

function drawIndices(indices: Int32Array, { draws, sizes, batchSize }: Bags, random: Random): void {
  let position = 0;
  for (const [table, draw] of draws.entries()) {
    for (const end = position + batchSize * sizes[table]; position < end; position += 1) indices[position] = draw(random);
  }
}
