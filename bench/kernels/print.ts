import { peersText } from "../engine/print.js";
import type { Group } from "../report.js";
import { formatCount, formatMB, formatNumber, formatTable } from "../text-table.js";

/** What one workload's rounds on one thread showed, as text. */
export function formatKernels({ name, description, facts, cases, comparisons }: Group): string {
  const bytesPerRow = Number(facts.bytesPerBatch) / Number(facts.rowsPerBatch);
  const header = ["", "Mrows/s", "min", "max", "GB/s", "kernel / it", "min", "max", "goal"];
  const rows = cases.map((one) => {
    const { median: rate, min, max } = one.summary;
    const against = comparisons.find(({ to }) => to === one.name);
    return [
      one.name,
      ...[rate / 1e6, min / 1e6, max / 1e6, (rate * bytesPerRow) / 1e9].map(formatNumber),
      ...(against === undefined ? ["-", "", ""] : [against.summary.median, against.summary.min, against.summary.max].map(formatNumber)),
      against?.goal === undefined ? "" : `>= ${against.goal}`,
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
one thread, ${facts.cache}; ${rotation}; ${facts.checkedBatches} checked against the reference; ${cases[0].facts.memoryMode}-memory build${peersText(cases)}
plain loops tried: ${listOf(facts.plainLoops)}${ahead.length === 0 ? "" : `\nrows prefetched ahead, best of 4, 8, 16, 32, 64: ${ahead.join("; ")}`}
${cases[0].rounds.length} rounds, medians; GB/s counts the rows that are read; kernel / it: the ratios to the first in the same round

${formatTable(header, rows)}`;
}

function listOf(fact: Group["facts"][string]): string {
  return Array.isArray(fact) ? fact.join("; ") : String(fact);
}
