import type { Engine, LookupResult } from "lagbag";
import { keep } from "../measure/keep.js";
import { LatencyRecorder, type LatencyRound } from "../measure/latency.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { plainVariants, type RankedVariant, rankVariants } from "../plain/best.js";
import { makePlainJob, type PlainJob } from "../plain/lookup.js";
import { type Comparison, caseReport, type Group } from "../report.js";
import { median, ratios, summarise } from "../statistics.js";
import type { SuiteRun } from "../suite.js";
import { expectedValues, firstDifference } from "../workloads/check.js";
import { type Batch, materialise, type Workload } from "../workloads/workload.js";
import { rotation } from "./contenders.js";
import { openOver, withEngines } from "./engines.js";
import { rankedText } from "./print.js";

const RANKS = 2;

/** What a run costs. */
export interface LatencyOptions {
  rounds: number;
  sampleSeconds: number;
  /** Samples that every contender answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
}

/** One lookup of one sample. */
type SingleCall = { name: string } & (
  | { kind: "sync"; call: (batch: Batch) => Float32Array }
  | { kind: "async"; call: (batch: Batch) => Promise<LookupResult> }
);

/** Times single lookups of one sample, one after the other, each by the clock: the percentiles that a caller sees. */
export async function measureLatency(run: SuiteRun, workload: Workload, options: LatencyOptions): Promise<Group> {
  const { progress } = run;
  const show = (what: string): void => progress.show(`${workload.name}: ${what}`);
  show("filling tables");
  const rows = workload.seededTables.map(materialise);
  const job = makePlainJob(
    workload.tables.map(({ dim }, index) => ({ dim, rows: rows[index] })),
    workload.batchSize,
  );
  show("looking for the best plain loops");
  const ranking = await rankPlain(workload, job, options.sampleSeconds / 2);
  show("opening engines");
  return withEngines(
    {
      auto: () => openOver(workload, { ranks: RANKS, inline: "auto" }),
      never: () => openOver(workload, { ranks: RANKS, inline: "never" }),
    },
    async ({ auto, never }) => {
      const calls = singleCalls(workload, { best: ranking[0], job, auto, never });
      show("checking against the reference");
      const expected = expectedValues(workload, rows, options.checkedBatches);
      for (const call of calls) await checkCall(call, expected);
      const recorders = new Map(calls.map(({ name }) => [name, new LatencyRecorder()]));
      const next = rotation(workload.batches);
      const rates = await measureRounds(
        calls.map((call) => timedCall(call, recorders.get(call.name), next)),
        {
          rounds: options.rounds,
          sampleSeconds: options.sampleSeconds,
          onStart: (name, round) => show(`${roundName(round, options.rounds)}: ${name}`),
          onSample: (name, round) => recorders.get(name)?.endRound({ counts: round >= 0 }),
        },
      );
      progress.clear();
      return groupOf(workload, {
        measured: calls.map(({ name }, index) => ({ name, rates: rates[index], latencies: recorders.get(name)?.rounds ?? [] })),
        facts: {
          plainLoops: rankedText(ranking),
          checkedBatches: expected.size,
          inlineLimitBytes: auto.stats().inline.limitBytes,
          memoryMode: auto.stats().memory.mode,
        },
      });
    },
  );
}

function rankPlain({ tables, batches }: Workload, job: PlainJob, sampleSeconds: number): Promise<RankedVariant[]> {
  const next = rotation(batches);
  return rankVariants(plainVariants({ dims: tables.map(({ dim }) => dim), bagSize: 1 }), {
    run:
      ({ lookup }) =>
      () =>
        keep(lookup(job, next())),
    unitsPerRun: tables.length,
    sampleSeconds,
  });
}

function singleCalls(
  workload: Workload,
  { best, job, auto, never }: { best: RankedVariant; job: PlainJob; auto: Engine; never: Engine },
): SingleCall[] {
  const out = new Float32Array(workload.tables.reduce((sum, { dim }) => sum + dim, 0));
  const { lookup } = best.variant;
  return [
    {
      kind: "sync",
      name: "TypeScript, best loops",
      call: (batch) => {
        keep(lookup(job, batch));
        return job.out;
      },
    },
    { kind: "sync", name: "engine, lookupSync", call: (batch) => auto.lookupSync(batch, out).values },
    { kind: "async", name: "engine, lookup, inline auto", call: (batch) => auto.lookup(batch) },
    { kind: "async", name: `engine, lookup, inline never, ${RANKS} ranks`, call: (batch) => never.lookup(batch) },
  ];
}

/** Rows are copied, not added up, so all contenders owe the reference's bits. */
async function checkCall(single: SingleCall, expected: ReadonlyMap<Batch, Float32Array>): Promise<void> {
  for (const [batch, values] of expected) {
    const result = single.kind === "sync" ? { values: single.call(batch), release: () => {} } : await single.call(batch);
    const difference = firstDifference(result.values, values, 0);
    result.release();
    if (difference !== undefined) throw new Error(`${single.name}: ${difference}`);
  }
}

/** A run is one call. The clock stops when the caller has the values, before they are given back. */
function timedCall(single: SingleCall, recorder: LatencyRecorder | undefined, next: () => Batch): TimedCase {
  const { name } = single;
  if (single.kind === "sync") {
    const run = (): void => {
      const batch = next();
      const startMs = performance.now();
      const values = single.call(batch);
      recorder?.record(startMs);
      keep(values[0]);
    };
    return { kind: "sync", name, unitsPerRun: 1, run };
  }
  const run = async (): Promise<void> => {
    const batch = next();
    const startMs = performance.now();
    const result = await single.call(batch);
    recorder?.record(startMs);
    keep(result.values[0]);
    result.release();
  };
  return { kind: "async", name, unitsPerRun: 1, run };
}

interface MeasuredCall {
  name: string;
  rates: readonly number[];
  latencies: readonly LatencyRound[];
}

function groupOf(workload: Workload, { measured, facts }: { measured: readonly MeasuredCall[]; facts: Group["facts"] }): Group {
  const [first, ...others] = measured;
  const comparisons = others.flatMap(({ name, latencies }) =>
    (["p50Us", "p99Us"] as const).map((percentile): Comparison => {
      const rounds = ratios(
        latencies.map((round) => round[percentile]),
        first.latencies.map((round) => round[percentile]),
      );
      return { of: name, to: first.name, what: percentile.slice(0, 3), rounds, summary: summarise(rounds) };
    }),
  );
  return {
    name: workload.name,
    description: workload.title,
    facts: {
      ...facts,
      batches: workload.batches.length,
      bytesPerBatch: workload.bytesPerBatch,
      rotationBytes: workload.bytesPerBatch * workload.batches.length,
    },
    cases: measured.map(({ name, rates, latencies }) =>
      caseReport(name, "lookups/s", rates, {
        p50Us: median(latencies.map(({ p50Us }) => p50Us)),
        p99Us: median(latencies.map(({ p99Us }) => p99Us)),
        p50UsRounds: latencies.map(({ p50Us }) => p50Us),
        p99UsRounds: latencies.map(({ p99Us }) => p99Us),
      }),
    ),
    comparisons,
  };
}
