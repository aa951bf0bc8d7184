import { formatComparison, type Group } from "../report.js";
import { formatCount, formatMB, formatNumber, formatTable } from "../text-table.js";

/** What one workload's rounds showed, as text. */
export function formatFormats({ name, description, facts, cases, comparisons }: Group): string {
  const header = ["", "Mrows/s", "min", "max", "bytes a row", "packed"];
  const rows = cases.map(({ name: dtype, summary, facts: own }) => [
    dtype,
    ...[summary.median / 1e6, summary.min / 1e6, summary.max / 1e6].map(formatNumber),
    formatNumber(Number(own.heldBytesPerRow)),
    String(own.packedBytesPerRow),
  ]);
  return `
${name}: ${description}
${facts.batches} batches in rotation, ${formatCount(Number(facts.rowsPerBatch))} rows or ${formatMB(Number(facts.fp32BytesPerBatch))} of fp32 each; \
the first ${facts.checkedBatches} of them checked in every format, bit for bit; ${facts.memoryMode}-memory build, one thread
${cases[0].rounds.length} rounds, medians; bytes a row as the engine holds them, scale and padding included

${formatTable(header, rows)}

${comparisons.map(formatComparison).join("\n")}`;
}
