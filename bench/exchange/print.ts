import { formatSpread, type Group } from "../report.js";
import { formatCount, formatNumber, formatTable } from "../text-table.js";

/** What one shape's rounds showed, as text. */
export function formatExchange({ name, description, facts, cases, comparisons }: Group): string {
  const header = ["", "steps/s (min - max)", "MB/s", "p50 us", "p99 us", "first / it (min - max)"];
  const rows = cases.map((one) => {
    const against = comparisons.find(({ to }) => to === one.name);
    return [
      one.name,
      formatSpread(one.summary),
      formatNumber((one.summary.median * Number(facts.bytesPerStep)) / 1e6),
      formatNumber(Number(one.facts.p50Us)),
      formatNumber(Number(one.facts.p99Us)),
      against === undefined ? "-" : formatSpread(against.summary),
    ];
  });
  return `
${name}: ${description}, ${formatCount(Number(facts.bytesPerStep))} bytes a step over all ranks
${cases[0].rounds.length} rounds, medians; every byte of the first steps was checked, the ends of all messages after; first / it: the ratios of the first to each in the same round
p50, p99: from the end of one step to the end of the next on a rank, the slowest rank's

${formatTable(header, rows)}`;
}
