import { formatSpread, type Group } from "../report.js";
import { formatNumber, formatTable } from "../text-table.js";

/** The name of a case. */
export function lagName(lagBound: number): string {
  return `lag bound ${lagBound}`;
}

/** What one delay shape's rounds showed, as text. */
export function formatLags({ name, description, facts, cases, comparisons }: Group): string {
  const header = ["", "steps/s (min - max)", "gain over 0 (min - max)", "ideal (min - max)", "gain/ideal (min - max)", "efficiency"];
  const rows = [...cases]
    .sort((a, b) => Number(a.facts.lagBound) - Number(b.facts.lagBound))
    .map((one) => {
      const against = (what: string): string => {
        const found = comparisons.find((comparison) => comparison.of === one.name && comparison.what === what);
        return found === undefined ? "-" : formatSpread(found.summary);
      };
      return [
        one.name,
        formatSpread(one.summary),
        against("gain"),
        against("ideal"),
        against("gain/ideal"),
        formatNumber(Number(one.facts.efficiency)),
      ];
    });
  const goals = comparisons
    .filter(({ goal }) => goal !== undefined)
    .map(({ what, of, summary, goal }) => `${of}, ${what}: ${formatNumber(summary.median)}, goal >= ${goal}`);
  const last =
    facts.sleep === "block"
      ? goals
      : ["Timers of a promise are coarse and need the event loop: goals are set for stages that block their thread."];
  return `
${name}: ${description}
${facts.ranks} ranks, base ${facts.baseMs} ms, delay ${name === "none" ? "none" : `${facts.delayMs} ms`}, ${facts.steps} steps a run, stages that ${facts.sleep === "block" ? "block their thread" : "promise"}, \
${facts.memoryMode}-memory build
${cases[0].rounds.length} rounds, medians; outputs of all lag bounds were the reference's, bit for bit
ideal: (sum over steps of max over ranks) / (max over ranks of sum over steps) of the recorded delays, with any lag
efficiency: the time that the recorded delays alone would have taken - step by step with lag bound 0, else rank by rank - over the time that it took

${formatTable(header, rows)}

${last.join("\n")}`.trimEnd();
}
