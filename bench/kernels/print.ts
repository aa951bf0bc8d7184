import { type CaseReport, formatComparison, type Group } from "../report.js";
import { median, ratios } from "../statistics.js";
import { formatCount, formatMB, formatNumber, formatTable } from "../text-table.js";

/** What one workload's rounds on one thread showed, as text. */
export function formatKernels({ name, description, facts, cases, comparisons }: Group): string {
  const bytesPerRow = Number(facts.bytesPerBatch) / Number(facts.rowsPerBatch);
  const header = ["", "Mrows/s", "min", "max", "GB/s", ...cases.map((_, index) => `/ (${index + 1})`)];
  const rows = cases.map((one, index) => {
    const { median: rate, min, max } = one.summary;
    return [
      `(${index + 1}) ${one.name}`,
      ...[rate / 1e6, min / 1e6, max / 1e6, (rate * bytesPerRow) / 1e9].map(formatNumber),
      ...cases.map((other) => (one === other ? "-" : formatNumber(medianRatio(one, other)))),
    ];
  });
  const rotation =
    facts.cache === "warm"
      ? `one batch of ${formatCount(Number(facts.batchSize))} samples again and again, ${formatCount(Number(facts.rowsPerBatch))} rows or ${formatMB(Number(facts.bytesPerBatch))}: rows come from cache`
      : `${formatCount(Number(facts.batches))} batches in rotation, ${formatCount(Number(facts.rowsPerBatch))} rows or ${formatMB(Number(facts.bytesPerBatch))} each, ${formatMB(Number(facts.rotationBytes))} in all: rows come from memory`;
  const ahead = cases.flatMap((one) =>
    one.facts.prefetchedRowsAhead === undefined ? [] : [`${one.name}: ${one.facts.prefetchedRowsAhead}`],
  );
  return `
${name}: ${description}
one thread, ${facts.cache}; ${rotation}; ${facts.checkedBatches} checked against the reference; ${cases[0].facts.memoryMode}-memory build
plain loops tried: ${listOf(facts.plainLoops)}${ahead.length === 0 ? "" : `\nrows prefetched ahead, best of 4, 8, 16, 32, 64: ${ahead.join("; ")}`}
${cases[0].rounds.length} rounds, medians; GB/s counts the rows that are read; / (n) is the median of the ratios to case n in the same round

${formatTable(header, rows)}

${comparisons.map(formatComparison).join("\n")}`;
}

function medianRatio(of: CaseReport, to: CaseReport): number {
  return median(ratios(of.rounds, to.rounds));
}

function listOf(fact: Group["facts"][string]): string {
  return Array.isArray(fact) ? fact.join("; ") : String(fact);
}
