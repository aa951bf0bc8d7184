import { dequantiseRows, type Engine, type EngineOptions, openEngine, quantiseRows, type RowDtype, rowBytes } from "lagbag";
import { keep } from "../measure/keep.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { caseReport, compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { expectedValues, firstDifference } from "../workloads/check.js";
import { materialise, type Workload } from "../workloads/workload.js";

const DTYPES: readonly RowDtype[] = ["fp32", "fp16", "int8", "int4", "int2"];

/** Least median ratios to fp32. */
export type FormatGoals = Partial<Record<RowDtype, number>>;

export interface FormatOptions {
  name: string;
  rounds: number;
  sampleSeconds: number;
  /** Batches that every format answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
  goals: FormatGoals;
  /** Of the rows, in groups that differ in nothing else: they become one chart. */
  dim?: number;
}

/** Times lookupSync over the same rows in every format. All tables of all formats are in one engine, so that nothing but the rows differs. */
export async function measureFormats(run: SuiteRun, workload: Workload, options: FormatOptions): Promise<Group> {
  const { progress } = run;
  const show = (what: string): void => progress.show(`${options.name}: ${what}`);
  show("filling tables");
  const engine = await openEngine(engineOptions(workload));
  try {
    const contenders = DTYPES.map((dtype) => contender(engine, workload, dtype));
    for (const { dtype, look } of contenders) {
      show(`checking ${dtype} against the reference`);
      checkFormat(workload, { dtype, look, checkedBatches: options.checkedBatches });
    }
    const rates = await measureRounds(
      contenders.map(({ timed }) => timed),
      { ...options, onStart: (name, round) => show(`${roundName(round, options.rounds)}: ${name}`) },
    );
    progress.clear();
    return groupOf(workload, { engine, rates, options });
  } finally {
    await engine.close();
  }
}

function tableName(dtype: RowDtype, name: string): string {
  return `${dtype}/${name}`;
}

function engineOptions({ seededTables }: Workload): EngineOptions {
  const tables = DTYPES.flatMap((dtype) =>
    seededTables.map(({ name, numRows, dim, rows }) => ({ name: tableName(dtype, name), numRows, dim, rows, dtype })),
  );
  return { tables, ranks: 1, inline: "never" };
}

interface FormatContender {
  dtype: RowDtype;
  timed: TimedCase;
  /** Looks up a batch, given by its number, into an array that is overwritten by the next one. */
  look: (batch: number) => Float32Array;
}

function contender(engine: Engine, workload: Workload, dtype: RowDtype): FormatContender {
  const features = workload.seededTables.map(({ name }) => tableName(dtype, name));
  const batches = workload.batches.map((batch) => ({ ...batch, features }));
  const columns = workload.tables.reduce((sum, { dim }) => sum + dim, 0);
  const out = new Float32Array(workload.batchSize * columns);
  const look = (batch: number): Float32Array => engine.lookupSync(batches[batch], out).values;
  let next = 0;
  const timedRun = (): void => {
    keep(look(next)[0]);
    next = (next + 1) % batches.length;
  };
  return { dtype, look, timed: { kind: "sync", name: dtype, unitsPerRun: workload.rowsPerBatch, run: timedRun } };
}

interface Check extends Pick<FormatContender, "dtype" | "look"> {
  checkedBatches: number;
}

/** Lookups owe the bits of the reference over dequantised rows. */
function checkFormat(workload: Workload, { dtype, look, checkedBatches }: Check): void {
  const rows = workload.seededTables.map((table) => roundTrip(dtype, materialise(table), table.dim));
  const expected = [...expectedValues(workload, rows, checkedBatches).values()];
  for (const [batch, values] of expected.entries()) {
    const difference = firstDifference(look(batch), values, 0);
    if (difference !== undefined) throw new Error(`${dtype}: batch ${batch}, ${difference}`);
  }
}

/** Rows as the format keeps them, in place. */
function roundTrip(dtype: RowDtype, floats: Float32Array, dim: number): Float32Array {
  const row = new Uint8Array(rowBytes(dtype, dim));
  for (let at = 0; at < floats.length; at += dim) {
    const values = floats.subarray(at, at + dim);
    quantiseRows(dtype, values, dim, row);
    dequantiseRows(dtype, row, dim, values);
  }
  return floats;
}

interface Measured {
  engine: Engine;
  rates: readonly (readonly number[])[];
  options: FormatOptions;
}

function groupOf(workload: Workload, { engine, rates, options }: Measured): Group {
  const cases = DTYPES.map((dtype, index) => {
    const shards = engine.plan.tables.filter((table) => table.dtype === dtype).flatMap((table) => table.shards);
    const heldBytes = shards.reduce((sum, shard) => sum + engine.plan.shards[shard].bytes, 0);
    const rowCount = workload.tables.reduce((sum, { numRows }) => sum + numRows, 0);
    return caseReport(dtype, "rows/s", rates[index], {
      format: dtype,
      heldBytesPerRow: heldBytes / rowCount,
      packedBytesPerRow: rowBytes(dtype, workload.tables[0].dim),
    });
  });
  return {
    name: options.name,
    description: workload.title,
    facts: {
      ...(options.dim === undefined ? {} : { dim: options.dim }),
      batches: workload.batches.length,
      rowsPerBatch: workload.rowsPerBatch,
      fp32BytesPerBatch: workload.bytesPerBatch,
      checkedBatches: options.checkedBatches,
      sampleSeconds: options.sampleSeconds,
      memoryMode: engine.stats().memory.mode,
    },
    cases,
    comparisons: cases.slice(1).map((one) => compare(one, cases[0], options.goals[one.name as RowDtype])),
  };
}
