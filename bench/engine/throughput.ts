import { collectGarbage } from "../measure/collect.js";
import { keep } from "../measure/keep.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import { type PeerName, peerTitle, StartedPeers } from "../peers/catalogue.js";
import { withScratch } from "../peers/scratch.js";
import { plainVariants, type RankedVariant, rankVariants } from "../plain/best.js";
import { makePlainJob, type PlainJob } from "../plain/lookup.js";
import { SIMPLE_LOOPS } from "../plain/simple.js";
import { caseReport, compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { expectedValues } from "../workloads/check.js";
import { materialise, type Workload } from "../workloads/workload.js";
import { type Contender, checkContender, lookupContender, plainContender, rotation, syncContender } from "./contenders.js";
import { openOver, withEngines } from "./engines.js";
import { rankedText } from "./print.js";

/** The contender that the comparisons are about. */
const MAIN = "engine, 2 ranks";
const SIMPLE = "TypeScript, simple loops";
const BEST = "TypeScript, best loops";
const ONE_RANK = "engine, 1 rank";
/** Of peers: as many as the engine has ranks. */
const THREADS = 2;

/** What a run costs, and what is wanted of it. */
export interface ThroughputOptions {
  rounds: number;
  sampleSeconds: number;
  /** Lookups under way at any time. */
  inFlight: number;
  /** Batches that every contender answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
  /** Other ways that take part. */
  peers: readonly PeerName[];
  /** Least median ratios of the engine with 2 ranks. */
  goals: { simple?: number; best?: number; oneRank?: number; onnxruntime?: number };
}

/** Times plain TypeScript, the engine with one and two ranks, lookupSync, and peers with two threads on one workload. */
export function measureThroughput(run: SuiteRun, workload: Workload, options: ThroughputOptions): Promise<Group> {
  return withScratch((folder) => measureIn(folder, run, { workload, options }));
}

async function measureIn(
  folder: string,
  run: SuiteRun,
  { workload, options }: { workload: Workload; options: ThroughputOptions },
): Promise<Group> {
  const { progress } = run;
  const { inFlight, sampleSeconds } = options;
  const show = (what: string): void => progress.show(`${workload.name}: ${what}`);
  show("filling tables");
  const rows = workload.seededTables.map(materialise);
  const job = makePlainJob(
    workload.tables.map(({ dim }, index) => ({ dim, rows: rows[index] })),
    workload.batchSize,
  );
  show("looking for the best plain loops");
  const ranking = await rankPlain(workload, job, sampleSeconds / 2);
  show("opening engines, starting peers");
  const peers = await StartedPeers.start(options.peers, { workloads: [workload], rows, folder, threads: THREADS, say: run.say });
  const never = { inline: "never", lagBound: 4 } as const;
  const measured = withEngines(
    {
      one: () => openOver(workload, { ...never, ranks: 1, maxCoalescedLookups: 1 }),
      two: () => openOver(workload, { ...never, ranks: 2, maxCoalescedLookups: 1 }),
      coalescing: () => openOver(workload, { ...never, ranks: 2 }),
    },
    async ({ one, two, coalescing }) => {
      const contenders = [
        plainContender(SIMPLE, SIMPLE_LOOPS, job, workload),
        plainContender(BEST, ranking[0].variant, job, workload),
        syncContender("engine, lookupSync", two, workload),
        lookupContender(ONE_RANK, one, workload, inFlight),
        lookupContender(MAIN, two, workload, inFlight),
        lookupContender("engine, 2 ranks, coalescing", coalescing, workload, inFlight),
        ...(await peers.contenders(workload, 0)),
      ];
      show("checking against the reference");
      const expected = expectedValues(workload, rows, options.checkedBatches);
      for (const contender of contenders) await checkContender(contender, expected);
      const rates = await measureRounds(
        contenders.map(({ timed }) => timed),
        {
          rounds: options.rounds,
          sampleSeconds,
          onStart: (name, round) => show(`${roundName(round, options.rounds)}: ${name}`),
        },
      );
      progress.clear();
      return groupOf(workload, { contenders, rates, ranking, options, checked: expected.size });
    },
  );
  return measured.finally(async () => {
    await peers.close();
    setImmediate(collectGarbage);
  });
}

function rankPlain(workload: Workload, job: PlainJob, sampleSeconds: number): Promise<RankedVariant[]> {
  const { tables, bagSizes, batches, rowsPerBatch } = workload;
  return rankVariants(plainVariants({ dims: tables.map(({ dim }) => dim), bagSize: Math.max(...bagSizes) }), {
    run: ({ lookup }) => {
      const next = rotation(batches);
      return () => keep(lookup(job, next()));
    },
    unitsPerRun: rowsPerBatch,
    sampleSeconds,
  });
}

interface Measured {
  contenders: readonly Contender[];
  rates: readonly (readonly number[])[];
  ranking: readonly RankedVariant[];
  options: ThroughputOptions;
  checked: number;
}

function groupOf(workload: Workload, { contenders, rates, ranking, options, checked }: Measured): Group {
  const cases = contenders.map(({ timed, facts }, index) => caseReport(timed.name, "rows/s", rates[index], facts));
  const main = cases.find(({ name }) => name === MAIN) ?? cases[0];
  const goals = new Map([
    [SIMPLE, options.goals.simple],
    [BEST, options.goals.best],
    [ONE_RANK, options.goals.oneRank],
    [peerTitle("onnxruntime-node", THREADS), options.goals.onnxruntime],
  ]);
  return {
    name: workload.name,
    description: workload.title,
    facts: {
      batches: workload.batches.length,
      rowsPerBatch: workload.rowsPerBatch,
      bytesPerBatch: workload.bytesPerBatch,
      rotationBytes: workload.bytesPerBatch * workload.batches.length,
      checkedBatches: checked,
      sampleSeconds: options.sampleSeconds,
      inFlight: options.inFlight,
      plainLoops: rankedText(ranking),
    },
    cases,
    comparisons: cases.filter((one) => one !== main).map((one) => compare(main, one, goals.get(one.name))),
  };
}
