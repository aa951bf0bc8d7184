import type { LabResult } from "#host/lab/lab.js";
import type { WayResult } from "#host/lab/measure.js";
import { shownSteps } from "#host/lab/page.js";
import { judgeDiagnosis, SCENARIOS } from "#host/lab/scenarios.js";
import type { LabRun } from "#host/lab/subject.js";
import { type CaseReport, type Comparison, caseReport, type Facts, type Group, type Timeline } from "../report.js";
import { median, ratios, summarise } from "../statistics.js";
import { GOALS, type LagGoals, OPEN_LOAD } from "./goals.js";

/** What is compared, as Comparison.what. */
export const WHAT = { gain: "gain", ofPredicted: "of predicted", p99: "p99", autoOfBest: "auto of best" } as const;
/** What "auto" and predictions are compared with. */
const BEST_FIXED = "best fixed bound";
const SIMULATION = "simulation of its times";
const US_PER_MS = 1000;

/** A way, what came of it, and the case that the report makes of it. */
interface Contender {
  /** As the option --lag has it; undefined: a remedy that is not lag. */
  bound: string | undefined;
  result: WayResult;
  report: CaseReport;
}

/** A scenario's result as a report has it. The first way is the synchronous one: the others are compared with it, round by round. */
export function groupOf(result: LabResult, { goals: wanted }: { goals: boolean }): Group {
  const { options, arrivalsPerSecond } = result;
  const { scenario, ranks, steps, rounds, baseMs, delayMs, messages, load, sleep = "block" } = options;
  const goals = (wanted ? GOALS[scenario] : undefined) ?? {};
  const contenders = result.ways.map((way, n): Contender => {
    const { lagBound, replicated, workStealing } = options.ways[n];
    const isRemedy = replicated || !workStealing;
    const wantedBound = lagBound === "auto" ? goals.mostAutoBound : undefined;
    return {
      bound: isRemedy ? undefined : String(lagBound),
      result: way,
      report: caseReport(way.name, "steps/s", rates(way), {
        // Pages draw a line of rates over lagBound: remedies are no points of it.
        ...(isRemedy ? { replicated: String(replicated), workStealing: String(workStealing) } : boundFacts(way, lagBound)),
        ...(wantedBound === undefined ? {} : { mostWantedBound: wantedBound }),
        ...latencyFacts(way),
        ...predictionFacts(way),
        ...waitFacts(way.runs),
      }),
    };
  });
  const arrivals = arrivalsPerSecond === undefined ? {} : { arrivalsPerSecond };
  return {
    name: scenario,
    description: SCENARIOS[scenario],
    facts: { ranks, steps, rounds, baseMs, delayMs, sleep, messages, load, ...arrivals, ...diagnosisFacts(result) },
    cases: contenders.map(({ report }) => report),
    comparisons: arrivalsPerSecond === undefined ? closedComparisons(contenders, goals) : openComparisons(contenders, { goals, load }),
    timelines: result.ways.map(timelineOf),
  };
}

/** Rates are what a closed loop is about. */
function closedComparisons(contenders: readonly Contender[], goals: LagGoals): Comparison[] {
  const [synchronous, ...others] = contenders;
  const gains = others.flatMap((one) => [
    comparison({ what: WHAT.gain, of: one, to: synchronous.report.name }, ratios(rates(one.result), rates(synchronous.result)), {
      goal: goals.gain?.[one.bound ?? ""],
    }),
    p99Comparison(one, synchronous),
  ]);
  const shares = contenders.map((one) =>
    comparison({ what: WHAT.ofPredicted, of: one, to: SIMULATION }, ratios(rates(one.result), predictedRates(one.result)), {
      goal: goals.ofPredicted?.[one.bound ?? ""],
    }),
  );
  const auto = contenders.find(({ bound }) => bound === "auto");
  const fixed = contenders.filter((one) => one !== auto && one.bound !== undefined);
  if (auto === undefined || fixed.length < 2) return [...gains, ...shares];
  const best = rates(auto.result).map((_, round) => Math.max(...fixed.map(({ report }) => report.rounds[round])));
  const ofBest = ratios(rates(auto.result), best);
  return [...gains, ...shares, comparison({ what: WHAT.autoOfBest, of: auto, to: BEST_FIXED }, ofBest, { goal: goals.autoOfBest })];
}

/** Lookups arrive at a rate of their own, so only latencies are left to compare. The bound with the least of them has the goal. */
function openComparisons(contenders: readonly Contender[], { goals, load }: { goals: LagGoals; load: number | "closed" }): Comparison[] {
  const [synchronous, ...others] = contenders;
  const all = others.map((one) => p99Comparison(one, synchronous));
  const least = Math.min(...all.map(({ summary }) => summary.median));
  const goal = load === OPEN_LOAD ? goals.openP99 : undefined;
  return all.map((one) => (goal !== undefined && one.summary.median === least ? { ...one, goal } : one));
}

function p99Comparison(of: Contender, to: Contender): Comparison {
  const p99 = ({ result }: Contender): number[] => result.runs.map(({ latencyMs }) => latencyMs.p99);
  return { ...comparison({ what: WHAT.p99, of, to: to.report.name }, ratios(p99(of), p99(to))), lowerIsBetter: true };
}

function comparison(
  { what, of, to }: { what: string; of: Contender; to: string },
  rounds: readonly number[],
  { goal }: { goal?: number | undefined } = {},
): Comparison {
  return { what, of: of.report.name, to, rounds, summary: summarise(rounds), ...(goal === undefined ? {} : { goal }) };
}

function rates({ runs }: WayResult): number[] {
  return runs.map(({ stepsPerSecond }) => stepsPerSecond);
}

function predictedRates({ predicted }: WayResult): number[] {
  return predicted.map(({ stepsPerSecond }) => stepsPerSecond);
}

/** What engine.diagnose() made of the synchronous runs, round by round. */
function diagnosisFacts({ options, ways }: LabResult): Facts {
  const judged = ways[0].runs.map(({ diagnosis }) => judgeDiagnosis(options.scenario, diagnosis));
  return {
    diagnosisWanted: judged[0].wanted,
    diagnosisGot: [...new Set(judged.map(({ got }) => got))].join(" | "),
    diagnosisRightRounds: judged.filter(({ isRight }) => isRight).length,
  };
}

/** A fixed bound, or those that "auto" had settled at when its runs were over. */
function boundFacts({ runs }: WayResult, lagBound: number | "auto"): Facts {
  return lagBound === "auto" ? { settledBoundRounds: runs.map(({ lag }) => lag.lagBound) } : { lagBound };
}

function latencyFacts({ runs }: WayResult): Facts {
  const us = (percentile: "p50" | "p99" | "p999"): number[] => runs.map(({ latencyMs }) => latencyMs[percentile] * US_PER_MS);
  const [p50UsRounds, p99UsRounds, p999UsRounds] = [us("p50"), us("p99"), us("p999")];
  return {
    p50Us: median(p50UsRounds),
    p99Us: median(p99UsRounds),
    p999Us: median(p999UsRounds),
    p50UsRounds,
    p99UsRounds,
  };
}

function predictionFacts(way: WayResult): Facts {
  return {
    predictedStepsPerSecond: median(predictedRates(way)),
    meanOfMaxMs: median(way.predicted.map(({ meanOfMaxMs }) => meanOfMaxMs)),
    maxOfMeanMs: median(way.predicted.map(({ maxOfMeanMs }) => maxOfMeanMs)),
  };
}

/** Share of a run, in percent, that each rank slept for credit and for data. */
function waitFacts(runs: readonly LabRun[]): Facts {
  const percent = (wait: "waitForCreditMs" | "waitForDataMs"): number[] =>
    runs[0].ranks.map((_, rank) => median(runs.map(({ ranks, elapsedMs }) => (100 * ranks[rank][wait]) / elapsedMs)));
  return { creditWaitPercent: percent("waitForCreditMs"), dataWaitPercent: percent("waitForDataMs") };
}

/** The steps that the lab's page shows, too, from where the first of them began. */
function timelineOf(way: WayResult): Timeline {
  const traces = shownSteps(way);
  const firstMs = Math.min(...traces.flatMap(({ ranks }) => ranks.map(({ finishStartMs }) => finishStartMs)));
  const rows = (end: "finishStartMs" | "finishEndMs"): number[][] =>
    traces[0].ranks.map((_, rank) => traces.map(({ ranks }) => toMicroseconds(ranks[rank][end] - firstMs)));
  return { name: way.name, startsMs: rows("finishStartMs"), endsMs: rows("finishEndMs") };
}

/** Milliseconds without digits that nobody sees. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
