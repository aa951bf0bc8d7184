import { formatNumber, formatTable } from "../text-table.js";
import { type ComparedReports, countVerdicts } from "./compare.js";
import { LEAST_CHANGE, LEAST_ROUNDS } from "./verdict.js";

/** "+3.1 % (+1.2 to +5.0)" */
export function formatChange({ change, low, high }: { change: number; low: number; high: number }): string {
  const percent = (value: number): string => `${value >= 1 ? "+" : ""}${((value - 1) * 100).toFixed(1)}`;
  return `${percent(change)} %${Number.isNaN(low) ? "" : ` (${percent(low)} to ${percent(high)})`}`;
}

/** A comparison as text. */
export function formatCompared(compared: ComparedReports, file: string): string {
  const { differences, figures, ratiosOnly, missing } = compared;
  const counts = countVerdicts(compared);
  const rows = figures.map((one) => [
    `${one.group}: ${one.name}`,
    one.kind,
    formatNumber(one.before),
    formatNumber(one.after),
    formatChange(one),
    one.verdict,
  ]);
  return [
    `\nagainst ${file}: ${counts.better} better, ${counts.same} the same, ${counts.worse} worse, ${counts.unclear} unclear`,
    ...differences.map((line) => `differs: ${line}`),
    ...(ratiosOnly ? ["the machines differ, so rates and latencies are not compared, only ratios within a run"] : []),
    ...missing.map((line) => `not compared: ${line}`),
    `in brackets: where the change of the median lies 99 times in 100, by the spread of the rounds; better and worse are beyond ${LEAST_CHANGE * 100} % there; fewer than ${LEAST_ROUNDS} rounds are unclear`,
    "",
    formatTable(["", "", "before", "now", "change", ""], rows),
  ].join("\n");
}
