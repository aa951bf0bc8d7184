import { fillElements, partSeed, type Random, seededRandom } from "../random.js";

/** Tables, and batches of uniformly drawn bags that all have the same size. */
export interface WorkloadShape {
  /** As a filter on the command line picks it. */
  name: string;
  /** What it is, in a line, with everything that was scaled. */
  title: string;
  tables: readonly { numRows: number; dim: number }[];
  batchSize: number;
  /** Rows a bag, for every table. */
  bagSize: number;
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
}

/** A batch of lookups; a LookupBatch of lagbag and a PlainBatch alike. */
export interface Batch {
  batchSize: number;
  indices: Int32Array;
  offsets: Int32Array;
}

export interface Workload extends WorkloadShape {
  seededTables: SeededTable[];
  batches: Batch[];
  /** Rows and bytes of rows that one batch gathers. */
  rowsPerBatch: number;
  bytesPerBatch: number;
}

/** Makes the data of a workload. */
export function makeWorkload(shape: WorkloadShape, seed: number): Workload {
  const { tables, batchSize, bagSize, batchCount } = shape;
  const random = seededRandom(seed);
  const offsets = Int32Array.from({ length: tables.length * batchSize + 1 }, (_, bag) => bag * bagSize);
  const indicesPerBatch = tables.length * batchSize * bagSize;
  // One array for all batches: small ones would each cost more than they hold.
  const indices = new Int32Array(indicesPerBatch * batchCount);
  const batches = Array.from({ length: batchCount }, (_, n) => {
    const own = indices.subarray(n * indicesPerBatch, (n + 1) * indicesPerBatch);
    drawIndices(own, shape, random);
    return { batchSize, indices: own, offsets };
  });
  const floatsPerSample = tables.reduce((sum, { dim }) => sum + dim, 0) * bagSize;
  return {
    ...shape,
    seededTables: tables.map((table, index) => seededTable(table, index, seed)),
    batches,
    rowsPerBatch: indicesPerBatch,
    bytesPerBatch: floatsPerSample * batchSize * 4,
  };
}

/** The rows of a table as one array. */
export function materialise({ numRows, dim, rows }: SeededTable): Float32Array {
  const values = new Float32Array(numRows * dim);
  rows(0, numRows, values);
  return values;
}

function seededTable({ numRows, dim }: { numRows: number; dim: number }, index: number, seed: number): SeededTable {
  const own = partSeed(seed, index);
  return { name: `t${index}`, numRows, dim, rows: (first, count, out) => fillElements(own, first * dim, out.subarray(0, count * dim)) };
}

function drawIndices(indices: Int32Array, { tables, batchSize, bagSize }: WorkloadShape, random: Random): void {
  const perTable = batchSize * bagSize;
  for (const [table, { numRows }] of tables.entries()) {
    for (let n = 0; n < perTable; n += 1) indices[table * perTable + n] = Math.floor(random() * numRows);
  }
}
