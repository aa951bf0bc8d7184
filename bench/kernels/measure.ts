import { type Contender, checkContender } from "../engine/contenders.js";
import { openOver, withEngines } from "../engine/engines.js";
import { rankedText } from "../engine/print.js";
import { lastLevelCacheBytes } from "../machine.js";
import { collectGarbage } from "../measure/collect.js";
import { keep } from "../measure/keep.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import { type PeerName, peerTitle, StartedPeers } from "../peers/catalogue.js";
import { plainVariants, type RankedVariant, rankVariants } from "../plain/best.js";
import { makePlainJob, type PlainJob } from "../plain/lookup.js";
import { caseReport, compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { expectedValues } from "../workloads/check.js";
import { tableBytes } from "../workloads/scale.js";
import { materialise, type Workload, warmWorkload } from "../workloads/workload.js";
import { BareKernel } from "./bare.js";
import { plainRotation, syncRotation } from "./contenders.js";

/** The contender that the comparisons are about. */
export const KERNEL = "lagbag, kernel alone";
export const SYNC = "lagbag, lookupSync";
export const PLAIN = "TypeScript, best loops";

const C = peerTitle("c", 1);

/** Rows of a warm batch take at most this: a quarter of the second-level cache of most machines. */
const WARM_BYTES = 256 * 1024;

/** Rows from memory, or from cache. */
export type Temperature = "cold" | "warm";

/** What a run costs, and what is wanted of it. */
export interface KernelOptions {
  rounds: number;
  sampleSeconds: number;
  /** Batches that every contender answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
  temperatures: readonly Temperature[];
  /** Whether huge pages are asked for under lagbag's rows, which plain TypeScript shares. The C program has small ones. */
  hugePages: "auto" | "off";
  /** Least median ratio of the kernel to the C program; for cold rows. */
  goal: number | undefined;
}

/** Times the kernels, plain loops and peers on one thread, with rows from memory and from cache. */
export async function measureKernels(
  run: SuiteRun,
  workload: Workload,
  how: { options: KernelOptions; peers: readonly PeerName[]; folder: string },
): Promise<Group[]> {
  const { options, folder } = how;
  const { progress } = run;
  const show = (what: string): void => progress.show(`${workload.name}: ${what}`);
  show("filling tables");
  const bare = new BareKernel(workload, options);
  const rows = bare.rows ?? workload.seededTables.map(materialise);
  const job = makePlainJob(
    workload.tables.map(({ dim }, index) => ({ dim, rows: rows[index] })),
    workload.batchSize,
  );
  const sets = { cold: workload, warm: warmWorkload(workload, WARM_BYTES) };
  show("opening an engine, starting peers");
  const peers = await StartedPeers.start(how.peers, { workloads: [sets.cold, sets.warm], rows, folder, threads: 1, say: run.say });
  try {
    // One rank that has nothing to do: lookupSync works on this thread.
    return await withEngines({ engine: () => openOver(workload, { ranks: 1, hugePages: options.hugePages }) }, async ({ engine }) => {
      const groups: Group[] = [];
      for (const temperature of options.temperatures) {
        const set = sets[temperature];
        show(`${temperature}: looking for the best plain loops`);
        const ranking = await rankPlain(set, job, options.sampleSeconds / 2);
        const contenders: Contender[] = [
          bare.contender(KERNEL, set),
          syncRotation(SYNC, engine, set),
          plainRotation(PLAIN, ranking[0].variant, job, set),
          ...(await peers.contenders(set, temperature === "cold" ? 0 : 1)),
        ];
        show(`${temperature}: checking against the reference`);
        const expected = expectedValues(set, rows, options.checkedBatches);
        for (const contender of contenders) await checkContender(contender, expected);
        const rates = await measureRounds(
          contenders.map(({ timed }) => timed),
          {
            rounds: options.rounds,
            sampleSeconds: options.sampleSeconds,
            onStart: (name, round) => show(`${temperature}, ${roundName(round, options.rounds)}: ${name}`),
          },
        );
        progress.clear();
        groups.push(groupOf(set, { temperature, contenders, rates, ranking, options, checked: expected.size }));
      }
      return groups;
    });
  } finally {
    await peers.close();
    setImmediate(collectGarbage);
  }
}

function rankPlain({ tables, bagSizes, batches, rowsPerBatch }: Workload, job: PlainJob, sampleSeconds: number): Promise<RankedVariant[]> {
  return rankVariants(plainVariants({ dims: tables.map(({ dim }) => dim), bagSize: Math.max(...bagSizes) }), {
    run:
      ({ lookup }) =>
      () => {
        for (let n = 0; n < batches.length; n += 1) keep(lookup(job, batches[n]));
      },
    unitsPerRun: rowsPerBatch * batches.length,
    sampleSeconds,
  });
}

interface Measured {
  temperature: Temperature;
  contenders: readonly Contender[];
  rates: readonly (readonly number[])[];
  ranking: readonly RankedVariant[];
  options: KernelOptions;
  checked: number;
}

function groupOf(workload: Workload, { temperature, contenders, rates, ranking, options, checked }: Measured): Group {
  const cases = contenders.map(({ timed, facts }, index) => caseReport(timed.name, "rows/s", rates[index], facts));
  const [kernel, ...others] = cases;
  const { batches, rowsPerBatch, bytesPerBatch, bagSizes, tables } = workload;
  const cache = lastLevelCacheBytes();
  return {
    name: temperature === "cold" ? workload.name : `${workload.name}-${temperature}`,
    description: workload.title,
    facts: {
      workload: workload.name,
      cache: temperature,
      threads: 1,
      dim: Math.max(...tables.map(({ dim }) => dim)),
      bagSizes: Math.max(...bagSizes),
      batches: batches.length,
      batchSize: workload.batchSize,
      rowsPerBatch,
      bytesPerBatch,
      rotationBytes: bytesPerBatch * batches.length,
      // What makes rows cold, or does not.
      tableBytes: tableBytes(tables),
      ...(cache === undefined ? {} : { lastLevelCacheBytes: cache }),
      checkedBatches: checked,
      sampleSeconds: options.sampleSeconds,
      plainLoops: rankedText(ranking),
    },
    cases,
    comparisons: others.map((one) => compare(kernel, one, one.name === C && temperature === "cold" ? options.goal : undefined)),
  };
}
