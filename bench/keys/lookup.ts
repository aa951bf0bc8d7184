import { type Engine, type FloatTableOptions, hashToRow, openEngine } from "lagbag";
import { keep } from "../measure/keep.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { caseReport, compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { firstDifference } from "../workloads/check.js";
import { manyRows } from "../workloads/shapes.js";
import { makeWorkload } from "../workloads/workload.js";
import { seededKeys } from "./seeded-keys.js";

/** Bytes of requests and results: more than a batch needs. */
const EXCHANGE_BYTES = 64 * 2 ** 20;

/** A kind of index, and which row it stands for. */
interface Way {
  name: string;
  options: Partial<FloatTableOptions>;
  indexOf: (row: number) => bigint;
  rowOf: (index: bigint, row: number) => number;
}

/** What a key costs on the whole road: W1 on one thread, its table with keys, by hash, by modulo, and with row numbers. */
export async function measureLookups(run: SuiteRun, options: { rounds: number; sampleSeconds: number }): Promise<Group> {
  const { progress, quick, seed } = run;
  const { rounds, sampleSeconds } = options;
  const workload = makeWorkload(manyRows({ quick }), seed);
  const [{ numRows, dim, rows }] = workload.seededTables;
  const { keys } = seededKeys({ numKeys: numRows, batchKeys: 1, batchCount: 1, missing: 0, seed });
  const table = (name: string, more: Partial<FloatTableOptions>): FloatTableOptions => ({
    name,
    numRows,
    dim,
    rows,
    sharding: "table",
    ...more,
  });
  const ways: Way[] = [
    { name: "row numbers", options: {}, indexOf: BigInt, rowOf: Number },
    { name: "keys", options: { keys }, indexOf: (row) => keys[row], rowOf: (_, row) => row },
    { name: "modulo", options: { indexing: "modulo" }, indexOf: (row) => BigInt(row - numRows), rowOf: (_, row) => row },
    { name: "hash", options: { indexing: "hash" }, indexOf: BigInt, rowOf: (index) => hashToRow(index, numRows) },
  ];
  const engines: Engine[] = [];
  try {
    const out = new Float32Array(workload.batchSize * dim);
    const cases: TimedCase[] = [];
    for (const { name, options: more, indexOf, rowOf } of ways) {
      progress.show(`lookup: ${name}`);
      const engine = await openEngine({ tables: [table(name, more)], ranks: 1, inline: "never", exchangeMemoryBytes: EXCHANGE_BYTES });
      engines.push(engine);
      const batches = workload.batches.map((batch) => ({ ...batch, indices: BigInt64Array.from(batch.indices, indexOf) }));
      const rowNumbers = batches[0].indices.map((index, n) => BigInt(rowOf(index, workload.batches[0].indices[n])));
      const want = engines[0].lookupSync({ ...batches[0], indices: rowNumbers }).values.slice();
      const difference = firstDifference(engine.lookupSync(batches[0]).values, want, 0);
      if (difference !== undefined) throw new Error(`${name}: ${difference}`);
      let next = 0;
      const once = (): void => {
        next = (next + 1) % batches.length;
        engine.lookupSync(batches[next], out);
        keep(out[0]);
      };
      cases.push({ kind: "sync", name, unitsPerRun: workload.rowsPerBatch, run: once });
    }
    const rates = await measureRounds(cases, {
      rounds,
      sampleSeconds,
      onStart: (one, round) => progress.show(`lookup: ${roundName(round, rounds)}: ${one}`),
    });
    progress.clear();
    const reports = cases.map((one, n) => caseReport(one.name, "rows/s", rates[n]));
    const [plain, ...others] = reports;
    return {
      name: "lookup",
      description: `${workload.title}, int64 indices, lookupSync; hash gathers other rows, as many`,
      facts: { batches: workload.batches.length, memoryMode: engines[0].stats().memory.mode },
      cases: reports,
      comparisons: others.map((other) => compare(other, plain)),
    };
  } finally {
    for (const engine of engines) await engine.close();
  }
}
