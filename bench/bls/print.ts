import { type CaseReport, type Comparison, formatComparison, formatSpread, type Group, reachesGoal } from "../report.js";
import { formatCount, formatNumber, formatTable } from "../text-table.js";
import { WHAT } from "./group.js";

/** What one scenario's rounds showed, as text. */
export function formatLags(group: Group): string {
  const { name, description, facts, cases, comparisons } = group;
  const header = [
    "",
    "bound",
    "steps/s (min - max)",
    "gain (min - max)",
    "predicted",
    "of it (min - max)",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "p99 ratio (min - max)",
  ];
  const rows = cases.map((one) => {
    const against = (what: string): string => {
      const found = comparisons.find((comparison) => comparison.of === one.name && comparison.what === what);
      return found === undefined ? "-" : formatSpread(found.summary);
    };
    return [
      one.name,
      boundOf(one),
      formatSpread(one.summary),
      against(WHAT.gain),
      formatNumber(Number(one.facts.predictedStepsPerSecond)),
      against(WHAT.ofPredicted),
      ...[one.facts.p50Us, one.facts.p99Us, one.facts.p999Us].map((us) => formatNumber(Number(us) / 1000)),
      against(WHAT.p99),
    ];
  });
  const [synchronous] = cases;
  const rounds = synchronous.rounds.length === 1 ? "1 round" : `${synchronous.rounds.length} rounds, medians`;
  const load =
    facts.arrivalsPerSecond === undefined
      ? "lookups come as fast as they end"
      : `lookups arrive by Poisson, ${formatNumber(Number(facts.arrivalsPerSecond))} a second, ${facts.load} of the synchronous rate`;
  return `
${name}: ${description}
${facts.ranks} ranks, base ${facts.baseMs} ms, delay ${facts.delayMs} ms, ${formatCount(Number(facts.steps))} steps a run, messages ${facts.messages}; ${load}
${rounds}; values of all were the reference's, bit for bit
predicted: a simulation of the engine over the times that the ranks recorded, everything else taking none
synchronous: E[max] ${formatNumber(Number(synchronous.facts.meanOfMaxMs))} ms a step, max E ${formatNumber(Number(synchronous.facts.maxOfMeanMs))} ms with lag for ever

${formatTable(header, rows)}

${waitTable(cases)}

${[...comparisons.flatMap(goalLine), ...cases.flatMap(settledLine), diagnosisLine(group), ...promiseLine(facts.sleep)].join("\n")}`.trimEnd();
}

function diagnosisLine({ facts, cases }: Group): string {
  const [{ rounds }] = cases;
  return `diagnosis of the synchronous run: ${facts.diagnosisGot}, wanted ${facts.diagnosisWanted}: right in ${facts.diagnosisRightRounds} of ${rounds.length}`;
}

function boundOf({ facts }: CaseReport): string {
  if (typeof facts.lagBound === "number") return String(facts.lagBound);
  const settled = facts.settledBoundRounds;
  return Array.isArray(settled) ? `-> ${settled[settled.length - 1]}` : "-";
}

function waitTable(cases: readonly CaseReport[]): string {
  const percents = (fact: unknown): number[] => (Array.isArray(fact) ? fact.map(Number) : []);
  const rows = cases.map(({ name, facts }) => {
    const data = percents(facts.dataWaitPercent);
    return [name, ...percents(facts.creditWaitPercent).map((credit, rank) => `${Math.round(credit)}/${Math.round(data[rank])}`)];
  });
  return formatTable(["asleep for credit/data, %", ...rows[0].slice(1).map((_, rank) => `rank ${rank}`)], rows);
}

function goalLine(comparison: Comparison): string[] {
  const reached = reachesGoal(comparison);
  return reached === undefined ? [] : [`${formatComparison(comparison)}: ${reached ? "reached" : "not reached"}`];
}

/** What "auto" came to. */
function settledLine({ name, facts: { settledBoundRounds: settled, mostWantedBound: most } }: CaseReport): string[] {
  if (!Array.isArray(settled)) return [];
  const wanted =
    most === undefined ? "" : `, wanted <= ${most}: ${Math.max(...settled.map(Number)) <= Number(most) ? "reached" : "not reached"}`;
  return [`${name} settled at ${settled.join(", ")}${wanted}`];
}

function promiseLine(sleep: unknown): string[] {
  return sleep === "promise"
    ? [
        "Stages promise: timers of a promise are coarse and need the event loop, and ranks go on meanwhile. Goals are set for stages that block.",
      ]
    : [];
}
