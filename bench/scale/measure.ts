import type { Engine, RankStats } from "lagbag";
import { checkContender, lookupContender } from "../engine/contenders.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import { type CaseReport, caseReport } from "../report.js";
import { median } from "../statistics.js";
import type { SuiteRun } from "../suite.js";
import { formatNumber, formatTable } from "../text-table.js";
import { expectedValues } from "../workloads/check.js";
import { materialise, type Workload } from "../workloads/workload.js";

/** What a run costs. */
export interface ScaleOptions {
  rounds: number;
  sampleSeconds: number;
  /** Lookups under way at any time. */
  inFlight: number;
  /** Batches that every engine answers under the reference's eyes before anything is timed. */
  checkedBatches: number;
}

/** Rows that each rank gathered in all timed samples. */
interface Gathered {
  rows: number[];
  stolen: number[];
}

/** Times engines in rounds, and counts what each of their ranks gathered. Cases come in the engines' order. */
export async function measureEngines(
  run: SuiteRun,
  workload: Workload,
  engines: Readonly<Record<string, Engine>>,
  options: ScaleOptions,
): Promise<CaseReport[]> {
  const { progress } = run;
  const show = (what: string): void => progress.show(`${workload.name}: ${what}`);
  const contenders = Object.entries(engines).map(([name, engine]) => lookupContender(name, engine, workload, options.inFlight));
  show("checking against the reference");
  const expected = expectedValues(workload, workload.seededTables.map(materialise), options.checkedBatches);
  for (const contender of contenders) await checkContender(contender, expected);
  const gathered = new Map<string, Gathered>();
  let before: RankStats[] = [];
  const rates = await measureRounds(
    contenders.map(({ timed }) => timed),
    {
      rounds: options.rounds,
      sampleSeconds: options.sampleSeconds,
      onStart: (name, round) => {
        show(`${roundName(round, options.rounds)}: ${name}`);
        before = engines[name].stats().ranks;
      },
      onSample: (name, round) => {
        if (round >= 0) gathered.set(name, add(gathered.get(name), before, engines[name].stats().ranks));
      },
    },
  );
  progress.clear();
  return contenders.map(({ timed, facts }, index) => {
    const { rows, stolen } = gathered.get(timed.name) ?? { rows: [], stolen: [] };
    return caseReport(timed.name, "rows/s", rates[index], {
      ...facts,
      gatheredRows: rows,
      stolenRows: stolen,
      largestShare: largestShare(rows),
    });
  });
}

function add(sum: Gathered | undefined, before: readonly RankStats[], after: readonly RankStats[]): Gathered {
  const more = (old: number[] | undefined, of: (rank: RankStats) => number): number[] =>
    after.map((rank, n) => (old?.[n] ?? 0) + of(rank) - of(before[n]));
  return { rows: more(sum?.rows, (rank) => rank.gatheredRows), stolen: more(sum?.stolen, (rank) => rank.stolenRows) };
}

/** What the rank with the most rows gathered, over the ranks' mean. */
export function largestShare(rows: readonly number[]): number {
  return (Math.max(...rows) * rows.length) / rows.reduce((sum, one) => sum + one, 0);
}

/** Rates and shares of cases, as a table. */
export function formatCases(cases: readonly CaseReport[], bytesPerRow: number): string {
  const header = ["", "Mrows/s", "min", "max", "GB/s", "rows by rank", "stolen", "largest / mean", "/ first"];
  const rows = cases.map((one) => {
    const { median: rate, min, max } = one.summary;
    const gathered = one.facts.gatheredRows as readonly number[];
    const all = gathered.reduce((sum, n) => sum + n, 0);
    const parts = (counts: readonly number[]): string => counts.map((n) => `${Math.round((100 * n) / all)} %`).join(" ");
    return [
      one.name,
      ...[rate / 1e6, min / 1e6, max / 1e6, (rate * bytesPerRow) / 1e9].map(formatNumber),
      parts(gathered),
      parts(one.facts.stolenRows as readonly number[]),
      Number(one.facts.largestShare).toFixed(3),
      formatNumber(median(one.rounds.map((value, round) => value / cases[0].rounds[round]))),
    ];
  });
  return formatTable(header, rows);
}
