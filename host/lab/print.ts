import { creditsByRank } from "./credits.js";
import type { LabResult } from "./lab.js";
import { median, type WayResult } from "./measure.js";
import { judgeDiagnosis, SCENARIOS } from "./scenarios.js";
import { MESSAGES } from "./workload.js";

/** Of some values, by their median. */
function middle(way: WayResult, value: (run: WayResult["runs"][number], round: number) => number): number {
  return median(way.runs.map(value));
}

/** Three significant digits. */
function figure(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "-";
}

/** The figures of one way, against the first one's rounds. */
export interface WayFigures {
  name: string;
  lagBound: number;
  stepsPerSecond: number;
  /** Rate over the first way's in the same round. */
  gain: number;
  /** Rate that the recorded times allow under this bound, and the measured one's share of it. */
  predictedStepsPerSecond: number;
  ofPredicted: number;
  /** Share of the rate that the same times allow with lag for ever. */
  ofIdeal: number;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  /** 99th percentile over the first way's in the same round. */
  p99Ratio: number;
  meanOfMaxMs: number;
  maxOfMeanMs: number;
}

/** Medians over the rounds. */
export function figuresOf(way: WayResult, first: WayResult): WayFigures {
  return {
    name: way.name,
    lagBound: way.lagBound,
    stepsPerSecond: middle(way, (run) => run.stepsPerSecond),
    gain: middle(way, (run, round) => run.stepsPerSecond / first.runs[round].stepsPerSecond),
    predictedStepsPerSecond: median(way.predicted.map(({ stepsPerSecond }) => stepsPerSecond)),
    ofPredicted: middle(way, (run, round) => run.stepsPerSecond / way.predicted[round].stepsPerSecond),
    ofIdeal: middle(way, (run, round) => (run.stepsPerSecond * way.predicted[round].maxOfMeanMs) / 1000),
    p50Ms: middle(way, (run) => run.latencyMs.p50),
    p99Ms: middle(way, (run) => run.latencyMs.p99),
    p999Ms: middle(way, (run) => run.latencyMs.p999),
    p99Ratio: middle(way, (run, round) => run.latencyMs.p99 / first.runs[round].latencyMs.p99),
    meanOfMaxMs: median(way.predicted.map(({ meanOfMaxMs }) => meanOfMaxMs)),
    maxOfMeanMs: median(way.predicted.map(({ maxOfMeanMs }) => maxOfMeanMs)),
  };
}

const HEADER = ["", "bound", "steps/s", "gain", "predicted", "of it", "of ideal", "p50 ms", "p99 ms", "p99.9 ms", "p99 ratio"];

/** A result as text. */
export function printLab(result: LabResult): string {
  const { options, ways, arrivalsPerSecond } = result;
  const figures = ways.map((way) => figuresOf(way, ways[0]));
  const [first] = figures;
  const rows = figures.map((one, n) => [
    one.name,
    String(one.lagBound),
    figure(one.stepsPerSecond),
    figure(one.gain),
    // A baseline's steps are not the bound's: nothing is predicted of micro-batches and of slices that somebody else did.
    ...(isPlain(options.ways[n]) ? [one.predictedStepsPerSecond, one.ofPredicted, one.ofIdeal].map(figure) : ["-", "-", "-"]),
    figure(one.p50Ms),
    figure(one.p99Ms),
    figure(one.p999Ms),
    figure(one.p99Ratio),
  ]);
  const load =
    arrivalsPerSecond === undefined
      ? "closed loop: lookups come as fast as they end"
      : `open loop: Poisson arrivals, ${figure(arrivalsPerSecond)} lookups/s, ${options.load} of the synchronous rate`;
  return [
    `${options.scenario}: ${SCENARIOS[options.scenario]}`,
    `messages ${options.messages}: ${MESSAGES[options.messages]}`,
    `${options.ranks} ranks, base ${options.baseMs} ms, delay ${options.delayMs} ms, ${options.steps} steps, ${options.rounds} rounds, seed ${options.seed}${options.sleep === "promise" ? ", stages that promise" : ""}; ${load}`,
    `synchronous: E[max] ${figure(first.meanOfMaxMs)} ms predicts ${figure(1000 / first.meanOfMaxMs)} steps/s; max E ${figure(first.maxOfMeanMs)} ms predicts ${figure(1000 / first.maxOfMeanMs)} with lag for ever`,
    "",
    ...table([HEADER, ...rows]),
    "",
    ...table(waitRows(ways)),
    "",
    ...table(creditRows(ways)),
    "",
    ...diagnosisLines(result),
  ].join("\n");
}

function diagnosisLines({ options, ways }: LabResult): string[] {
  const { diagnosis } = ways[0].runs[ways[0].runs.length - 1];
  const { got, wanted, isRight } = judgeDiagnosis(options.scenario, diagnosis);
  return [
    `what engine.diagnose() says of the synchronous run: ${got}; wanted ${wanted}: ${isRight ? "right" : "wrong"}`,
    ...(diagnosis.findings.length === 0 ? [] : [String(diagnosis)]),
  ];
}

function isPlain({ microBatches, hedged }: LabResult["options"]["ways"][number]): boolean {
  return microBatches === 1 && !hedged;
}

function rankNames(ways: readonly WayResult[]): string[] {
  return ways[0].runs[0].ranks.map(({ rank }) => `rank ${rank}`);
}

/**
 * Share of the run that each rank was at work, that it slept, and for what, in the last round. What is left was asleep without a request, spinning, or
 * waking up; RankStats.idleMs does not tell, for the rank slept before the run, too.
 */
function waitRows(ways: readonly WayResult[]): string[][] {
  const rows = ways.map((way) => {
    const { ranks, elapsedMs } = way.runs[way.runs.length - 1];
    const percent = (ms: number): string => String(Math.round((100 * ms) / elapsedMs));
    return [
      way.name,
      ...ranks.map(({ writeMs, helpMs, finishMs, waitForCreditMs, waitForDataMs, waitForHelpersMs, waitForStageMs }) => {
        // A promised stage's time is work of the stage and sleep of the rank: once is enough.
        const workMs = writeMs + helpMs + Math.max(0, finishMs - waitForStageMs);
        const asleep = [waitForCreditMs, waitForDataMs, waitForHelpersMs, waitForStageMs];
        const restMs = Math.max(0, elapsedMs - asleep.reduce((sum, ms) => sum + ms, workMs));
        return [workMs, ...asleep, restMs].map(percent).join("/");
      }),
    ];
  });
  return [["at work/asleep for credit/data/helpers/stage/rest, % of the run", ...rankNames(ways)], ...rows];
}

/** Credits that each rank had left when it had pooled a step, in the last round. */
function creditRows(ways: readonly WayResult[]): string[][] {
  const rows = ways.map(({ name, runs }) => {
    const { traces, lag } = runs[runs.length - 1];
    return [
      name,
      ...creditsByRank(traces, lag.lagBound).map(({ mean, without }) => `${figure(mean)} (${Math.round(100 * without)} % without)`),
    ];
  });
  return [["credits left when a step was pooled, mean", ...rankNames(ways)], ...rows];
}

/** Rows as columns: the first to the left, the others to the right. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}
