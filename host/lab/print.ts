import type { LabResult } from "./lab.js";
import { median, type WayResult } from "./measure.js";
import { SCENARIOS } from "./scenarios.js";
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
    p50Ms: middle(way, (run) => run.latencyMs.p50),
    p99Ms: middle(way, (run) => run.latencyMs.p99),
    p999Ms: middle(way, (run) => run.latencyMs.p999),
    p99Ratio: middle(way, (run, round) => run.latencyMs.p99 / first.runs[round].latencyMs.p99),
    meanOfMaxMs: median(way.predicted.map(({ meanOfMaxMs }) => meanOfMaxMs)),
    maxOfMeanMs: median(way.predicted.map(({ maxOfMeanMs }) => maxOfMeanMs)),
  };
}

const HEADER = ["", "bound", "steps/s", "gain", "predicted", "of it", "p50 ms", "p99 ms", "p99.9 ms", "p99 ratio"];

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
    ...(isPlain(options.ways[n]) ? [figure(one.predictedStepsPerSecond), figure(one.ofPredicted)] : ["-", "-"]),
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
    "what engine.diagnose() says of the synchronous run:",
    String(ways[0].runs[ways[0].runs.length - 1].diagnosis),
  ].join("\n");
}

function isPlain({ microBatches, hedged }: LabResult["options"]["ways"][number]): boolean {
  return microBatches === 1 && !hedged;
}

/** Share of the run that each rank slept, and for what, in the last round. */
function waitRows(ways: readonly WayResult[]): string[][] {
  const ranks = ways[0].runs[0].ranks.map(({ rank }) => `rank ${rank}`);
  const rows = ways.map((way) => {
    const run = way.runs[way.runs.length - 1];
    const elapsedMs = (run.traces.length / run.stepsPerSecond) * 1000;
    const percent = (ms: number): string => String(Math.round((100 * ms) / elapsedMs));
    return [way.name, ...run.ranks.map(({ waitForCreditMs, waitForDataMs }) => [waitForCreditMs, waitForDataMs].map(percent).join("/"))];
  });
  return [["asleep for credit/data, % of the run", ...ranks], ...rows];
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
