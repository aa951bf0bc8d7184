import { formatComparison, formatSpread, type Group } from "../report.js";
import { formatTable } from "../text-table.js";

/** What one workload's rounds showed, as text. */
export function formatGroup({ description, facts, cases, comparisons }: Group): string {
  const table = formatTable(
    ["", "requests/s", "p50 us", "p99 us", "not lookup"],
    cases.map(({ name, summary, facts: own }) => [
      name,
      formatSpread(summary),
      Number(own.p50Us).toFixed(0),
      Number(own.p99Us).toFixed(0),
      own.protocolShare === undefined ? "" : `${(Number(own.protocolShare) * 100).toFixed(0)} %`,
    ]),
  );
  const server = `in the server a request takes ${Number(facts.serverUs).toFixed(1)} us from its body to its written answer, ${Number(facts.lookupUs).toFixed(1)} us of it the lookup`;
  return [`\n${description}`, table, server, ...comparisons.map(formatComparison)].join("\n");
}
