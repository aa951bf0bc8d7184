import { UsageError } from "../suite.js";
import { formatCount } from "../text-table.js";
import { readNpzIntegers } from "./npz.js";
import { tableBytes } from "./scale.js";
import { type Batch, seedTables, type Workload } from "./workload.js";

/** How a trace is to be read. */
export interface TraceOptions {
  /** Tables that its bags belong to: bags [t * n, (t + 1) * n) are table t's, n each. */
  tables: number;
  /** Of the rows, which are made up by `seed`. */
  dim: number;
  /** Samples of a batch. */
  batchSize: number;
  seed: number;
  /** Most bytes of fp32 rows. */
  maxBytes: number;
}

/** Bags as a trace has them: torch's indices and offsets, offsets one longer than there are bags. */
export interface Trace {
  indices: Int32Array;
  offsets: Int32Array;
}

/**
 * Reads the arrays `indices` and `offsets` of a .npz file.
 * @throws (rejects) UsageError that names the file, the array, and what is wrong
 */
export async function readTrace(file: string): Promise<Trace> {
  try {
    return await readNpzIntegers(file, ["indices", "offsets"]);
  } catch (error) {
    throw new UsageError(`--indices: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * A workload of a trace's bags, in its order, on tables just as large as its indices ask for. Samples that do not fill a last batch are left out.
 * @throws UsageError that says what does not fit
 */
export function traceWorkload(name: string, trace: Trace, options: TraceOptions): Workload {
  const { indices, offsets } = trace;
  const { tables: tableCount, dim, seed, maxBytes } = options;
  checkOffsets(trace);
  const bags = offsets.length - 1;
  if (bags % tableCount !== 0)
    throw new UsageError(`--indices: got ${bags} bags, expected a multiple of the ${tableCount} tables of --trace-tables`);
  const samples = bags / tableCount;
  const batchSize = Math.min(options.batchSize, samples);
  const tables = Array.from({ length: tableCount }, (_, table) => {
    const begin = offsets[table * samples];
    return { numRows: rowsOf(indices.subarray(begin, offsets[(table + 1) * samples]), begin), dim };
  });
  const bytes = tableBytes(tables);
  if (bytes > maxBytes) {
    const rows = tables.map(({ numRows }) => formatCount(numRows)).join(", ");
    throw new UsageError(
      `--indices: its tables have ${rows} rows, ${Math.ceil(bytes / 1e6)} MB with --trace-dim ${dim}; --max-table-mb allows ${maxBytes / 1e6}`,
    );
  }
  const batchCount = Math.floor(samples / batchSize);
  const batches = Array.from({ length: batchCount }, (_, n) =>
    cut(trace, { first: n * batchSize, batchSize, samples, tables: tableCount }),
  );
  const bagSizes = tables.map((_, table) => largestBag(offsets.subarray(table * samples, (table + 1) * samples + 1)));
  const rows = batches.reduce((sum, batch) => sum + batch.indices.length, 0);
  if (rows === 0) throw new UsageError("--indices: all bags are empty");
  const leftOut = samples - batchCount * batchSize;
  return {
    name,
    title: `a trace: ${tableCount} table${tableCount === 1 ? "" : "s"} x ${dim} fp32, ${formatCount(samples)} samples, batch ${formatCount(batchSize)}${leftOut === 0 ? "" : `, the last ${formatCount(leftOut)} samples left out`}`,
    tables,
    batchSize,
    bagSize: Math.max(...bagSizes),
    batchCount,
    seededTables: seedTables(tables, seed),
    bagSizes,
    batches,
    rowsPerBatch: rows / batchCount,
    bytesPerBatch: (rows / batchCount) * dim * 4,
  };
}

function checkOffsets({ indices, offsets }: Trace): void {
  if (offsets.length < 2) throw new UsageError(`--indices: got ${offsets.length} offsets, expected one more than there are bags`);
  if (offsets[0] !== 0) throw new UsageError(`--indices: offsets[0]: got ${offsets[0]}, expected 0`);
  const falls = offsets.findIndex((offset, n) => n > 0 && offset < offsets[n - 1]);
  if (falls >= 0) {
    throw new UsageError(
      `--indices: offsets[${falls}]: got ${offsets[falls]}, expected at least ${offsets[falls - 1]}: offsets never fall`,
    );
  }
  const last = offsets[offsets.length - 1];
  if (last !== indices.length) {
    throw new UsageError(`--indices: offsets[${offsets.length - 1}]: got ${last}, expected ${indices.length}, the number of indices`);
  }
}

function rowsOf(indices: Int32Array, first: number): number {
  let rows = 1;
  for (let n = 0; n < indices.length; n += 1) {
    if (indices[n] < 0) throw new UsageError(`--indices: indices[${first + n}]: got ${indices[n]}, expected a row number`);
    rows = Math.max(rows, indices[n] + 1);
  }
  return rows;
}

/** The bags' size if they are alike; else the largest one's, and 2 at least: nobody must take them for bags of exactly one row. */
function largestBag(offsets: Int32Array): number {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let bag = 0; bag + 1 < offsets.length; bag += 1) {
    const size = offsets[bag + 1] - offsets[bag];
    least = Math.min(least, size);
    most = Math.max(most, size);
  }
  return least === most ? most : Math.max(2, most);
}

/** Samples [first, first + batchSize) of a trace. */
function cut({ indices, offsets }: Trace, part: { first: number; batchSize: number; samples: number; tables: number }): Batch {
  const { first, batchSize, samples, tables } = part;
  const ranges = Array.from({ length: tables }, (_, table) => table * samples + first);
  const count = ranges.reduce((sum, bag) => sum + offsets[bag + batchSize] - offsets[bag], 0);
  const own = new Int32Array(count);
  const ownOffsets = new Int32Array(tables * batchSize + 1);
  let position = 0;
  for (const [table, bag] of ranges.entries()) {
    const begin = offsets[bag];
    own.set(indices.subarray(begin, offsets[bag + batchSize]), position);
    for (let sample = 0; sample <= batchSize; sample += 1)
      ownOffsets[table * batchSize + sample] = offsets[bag + sample] - begin + position;
    position += offsets[bag + batchSize] - begin;
  }
  return { batchSize, indices: own, offsets: ownOffsets };
}

/** Options of suites that can replay a trace. */
export const TRACE_OPTIONS = {
  indices: { default: "", help: "a .npz file with arrays indices and offsets: replay these bags (group trace)" },
  "trace-tables": { default: "1", help: "tables of --indices: its bags are table 0's, then table 1's, as many each; 1 to 10,000" },
  "trace-dim": { default: "64", help: "floats in a row of --indices' tables, 1 to 65,536" },
  "trace-batch": { default: "512", help: "samples of a batch of --indices, 1 to 1,000,000" },
} as const;

/** The workload that --indices asks for; undefined without it. @throws (rejects) UsageError */
export async function requestedTrace(
  run: { text(name: string): string; count(name: string, least: number, most: number): number; seed: number },
  maxBytes: number,
): Promise<Workload | undefined> {
  const file = run.text("indices");
  if (file === "") return undefined;
  return traceWorkload("trace", await readTrace(file), {
    tables: run.count("trace-tables", 1, 10_000),
    dim: run.count("trace-dim", 1, 65_536),
    batchSize: run.count("trace-batch", 1, 1e6),
    seed: run.seed,
    maxBytes,
  });
}
