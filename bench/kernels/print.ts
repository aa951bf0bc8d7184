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
  const ahead = cases.flatMap((one) =>
    one.facts.prefetchedRowsAhead === undefined ? [] : [`${one.name}: ${one.facts.prefetchedRowsAhead}`],
  );
  return `
${name}: ${description}
one thread, ${facts.cache}; ${describeRotation(facts)}; ${facts.checkedBatches} checked against the reference; ${cases[0].facts.memoryMode}-memory build${peersText(cases)}; huge pages ${cases[0].facts.hugePages}
plain loops tried: ${listOf(facts.plainLoops)}${ahead.length === 0 ? "" : `\nrows prefetched ahead, best of 4, 8, 16, 32, 64: ${ahead.join("; ")}`}
${cases[0].rounds.length} rounds, medians; GB/s counts the rows that are read; kernel / it: the ratios to the first in the same round

${formatTable(header, rows)}`;
}

/** Where a workload's rows come from: memory, or for the most part a cache that holds the rotation or the tables themselves. */
function describeRotation(facts: Group["facts"]): string {
  const fact = (name: string): number => Math.round(Number(facts[name]));
  const what = `${formatCount(fact("rowsPerBatch"))} rows or ${formatMB(fact("bytesPerBatch"))}`;
  if (facts.cache === "warm") {
    const samples = fact("batchSize");
    return `one batch of ${formatCount(samples)} sample${samples === 1 ? "" : "s"} again and again, ${what}: rows come from cache`;
  }
  const rotationBytes = fact("rotationBytes");
  // False where the cache is not known: the sizes stand beside it.
  const isSmall = Math.min(rotationBytes, fact("tableBytes")) <= 2 * fact("lastLevelCacheBytes");
  const from = isSmall ? "rotation or tables are no more than two last-level caches, many rows come from there" : "rows come from memory";
  return `${formatCount(fact("batches"))} batches in rotation, ${what} each, ${formatMB(rotationBytes)} in all: ${from}`;
}

function listOf(fact: Group["facts"][string]): string {
  return Array.isArray(fact) ? fact.join("; ") : String(fact);
}
