import type { Engine } from "lagbag";
import { keep } from "../measure/keep.js";
import { LatencyRecorder, type LatencyRound } from "../measure/latency.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { type PeerName, peerTitle, StartedPeers } from "../peers/catalogue.js";
import type { OnnxPeer } from "../peers/onnxruntime.js";
import { withScratch } from "../peers/scratch.js";
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
/** The contender that the comparisons are about. */
const SYNC = "engine, lookupSync";
const PLAIN = "TypeScript, best loops";
const ONNX = peerTitle("onnxruntime-node", RANKS);
/** Least ratio of another call's median to lookupSync's. */
const P50_GOALS: Readonly<Record<string, number>> = { [PLAIN]: 1, [ONNX]: 10 };

/** What a run costs. */
export interface LatencyOptions {
  rounds: number;
  sampleSeconds: number;
  /** Samples that every contender answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
  /** Of these, onnxruntime-node takes part if it is among them: the others are no rivals in latency, or count in another process. */
  peers: readonly PeerName[];
}

/** What a lookup resolves with, to be given back. */
interface Values {
  values: Float32Array;
  release(): void;
}

/** One lookup of one sample, which may make its input ready before the clock starts. */
type SingleCall = { name: string } & (
  | { kind: "sync"; call: (batch: Batch) => Float32Array }
  | { kind: "async"; prepare?: (batch: Batch) => void; call: (batch: Batch) => Promise<Values> }
);

/** Times single lookups of one sample, one after the other, each by the clock: the percentiles that a caller sees. */
export function measureLatency(run: SuiteRun, workload: Workload, options: LatencyOptions): Promise<Group> {
  return withScratch((folder) => measureIn(folder, run, { workload, options }));
}

async function measureIn(
  folder: string,
  run: SuiteRun,
  { workload, options }: { workload: Workload; options: LatencyOptions },
): Promise<Group> {
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
  show("opening engines, starting peers");
  const names = options.peers.filter((name) => name === "onnxruntime-node");
  const peers = await StartedPeers.start(names, { workloads: [workload], rows, folder, threads: RANKS, say: run.say });
  const measured = withEngines(
    {
      auto: () => openOver(workload, { ranks: RANKS, inline: "auto" }),
      never: () => openOver(workload, { ranks: RANKS, inline: "never" }),
    },
    async ({ auto, never }) => {
      const onnx = peers.find("onnxruntime-node") as OnnxPeer | undefined;
      const calls = [...singleCalls(workload, { best: ranking[0], job, auto, never }), ...(onnx === undefined ? [] : [onnxCall(onnx)])];
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
  return measured.finally(() => peers.close());
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
      name: PLAIN,
      call: (batch) => {
        keep(lookup(job, batch));
        return job.out;
      },
    },
    { kind: "sync", name: SYNC, call: (batch) => auto.lookupSync(batch, out).values },
    { kind: "async", name: "engine, lookup, inline auto", call: (batch) => auto.lookup(batch) },
    { kind: "async", name: `engine, lookup, inline never, ${RANKS} ranks`, call: (batch) => never.lookup(batch) },
  ];
}

/** A run of the session; its input tensors are made before the clock starts. */
function onnxCall(onnx: OnnxPeer): SingleCall {
  let feeds = onnx.feeds({ batchSize: 1, indices: new Int32Array(0), offsets: Int32Array.of(0) });
  return {
    kind: "async",
    name: ONNX,
    prepare: (batch) => {
      feeds = onnx.feeds(batch);
    },
    call: async () => ({ values: await onnx.run(feeds), release: () => {} }),
  };
}

/** Rows are copied, not added up, so all contenders owe the reference's bits. */
async function checkCall(single: SingleCall, expected: ReadonlyMap<Batch, Float32Array>): Promise<void> {
  for (const [batch, values] of expected) {
    if (single.kind === "async") single.prepare?.(batch);
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
    single.prepare?.(batch);
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
  const main = measured.find(({ name }) => name === SYNC) ?? measured[0];
  const comparisons = measured
    .filter((one) => one !== main)
    .flatMap(({ name, latencies }) =>
      (["p50Us", "p99Us"] as const).map((percentile): Comparison => {
        const rounds = ratios(
          latencies.map((round) => round[percentile]),
          main.latencies.map((round) => round[percentile]),
        );
        const goal = percentile === "p50Us" ? P50_GOALS[name] : undefined;
        const what = percentile.slice(0, 3);
        return { of: name, to: main.name, what, rounds, summary: summarise(rounds), ...(goal === undefined ? {} : { goal }) };
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
