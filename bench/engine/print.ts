import type { RankedVariant } from "../plain/best.js";
import { type CaseReport, formatComparison, formatSpread, type Group } from "../report.js";
import { median, ratios } from "../statistics.js";
import { formatCount, formatMB, formatNumber, formatTable } from "../text-table.js";

/** "blocks of 8: 9.1 Mrows/s", fastest first. */
export function rankedText(ranking: readonly RankedVariant[]): string[] {
  return ranking.map(({ variant, unitsPerSecond }) => `${variant.name}: ${formatNumber(unitsPerSecond / 1e6)} Mrows/s`);
}

/** What one workload's rounds showed, as text. */
export function formatThroughput({ name, description, facts, cases, comparisons }: Group): string {
  const bytesPerRow = Number(facts.bytesPerBatch) / Number(facts.rowsPerBatch);
  const header = ["", "Mrows/s", "min", "max", "GB/s", ...cases.map((_, index) => `/ (${index + 1})`)];
  const rows = cases.map((one, index) => {
    const { median: rate, min, max } = one.summary;
    const numbers = [rate / 1e6, min / 1e6, max / 1e6, (rate * bytesPerRow) / 1e9].map(formatNumber);
    return [
      `(${index + 1}) ${one.name}`,
      ...numbers,
      ...cases.map((other) => (one === other ? "-" : formatNumber(medianRatio(one, other)))),
    ];
  });
  return `
${name}: ${description}
${facts.batches} batches in rotation, ${formatCount(Number(facts.rowsPerBatch))} rows or ${formatMB(Number(facts.bytesPerBatch))} each, ${formatMB(Number(facts.rotationBytes))} in all; \
the first ${facts.checkedBatches} of them checked against the reference
plain loops tried: ${listOf(facts.plainLoops)}
engine: ${cases.find((one) => one.facts.memoryMode !== undefined)?.facts.memoryMode}-memory build, ${facts.inFlight} lookups in flight, each a step of its own unless coalescing${peersText(cases)}
${cases[0].rounds.length} rounds, medians; GB/s counts the rows that are read; / (n) is the median of the ratios to case n in the same round

${formatTable(header, rows)}

${comparisons.map(formatComparison).join("\n")}`;
}

/** What the single calls' rounds showed, as text. */
export function formatLatency({ name, description, facts, cases, comparisons }: Group): string {
  const header = ["", "p50 us", "p99 us", "lookups/s (min - max)"];
  const rows = cases.map((one) => [
    one.name,
    formatNumber(Number(one.facts.p50Us)),
    formatNumber(Number(one.facts.p99Us)),
    formatSpread(one.summary),
  ]);
  return `
${name}: ${description}
${formatCount(Number(facts.batches))} samples in rotation, ${formatMB(Number(facts.rotationBytes))} of rows in all; ${facts.checkedBatches} checked against the reference; ${facts.memoryMode}-memory build
plain loops tried: ${listOf(facts.plainLoops)}
inline "auto" keeps lookups of up to ${formatCount(Number(facts.inlineLimitBytes))} bytes of rows on the caller's thread
${cases[0].rounds.length} rounds of single calls one after the other; percentiles are medians over the rounds

${formatTable(header, rows)}

${comparisons.map(formatComparison).join("\n")}`;
}

/** "; onnxruntime-node 1.30.0", of those who have versions. */
export function peersText(cases: readonly CaseReport[]): string {
  const versions = new Set(cases.flatMap(({ facts }) => (facts.peer === undefined ? [] : [String(facts.peer)])));
  return [...versions].map((version) => `; ${version}`).join("");
}

function medianRatio(of: CaseReport, to: CaseReport): number {
  return median(ratios(of.rounds, to.rounds));
}

function listOf(fact: Group["facts"][string]): string {
  return Array.isArray(fact) ? fact.join("; ") : String(fact);
}
