import { type CaseReport, formatComparison, type Group } from "../report.js";
import { formatCount, formatNumber, formatTable } from "../text-table.js";

/** What one model's rounds showed, as text. */
export function formatDlrm({ name, description, facts, cases, comparisons }: Group): string {
  const rows = cases.map((one) => [
    one.name,
    ...[one.summary.median, one.summary.min, one.summary.max].map(formatNumber),
    ...["pooling", "stage", "core"].map((what) => shares(one, what)),
  ]);
  return `
${name}: ${description}
MLPs ${facts.layers}; ${formatCount(Number(facts.samplesPerLookup))} samples a lookup, ${facts.batches} batches in rotation, ${formatCount(Number(facts.rowBytesPerSample))} bytes of rows a sample
lagbag: ${facts.inFlight} lookups in flight, each a step of its own; its stage: ${facts.stage}, one thread a rank, ${facts.samplesPerRun} samples a run
${cases
  .filter(({ facts: { peer } }) => peer !== undefined)
  .map(aboutTorch)
  .join("\n")}
predictions of all batches: at most ${Number(facts.maxDifference).toExponential(1)} from PyTorch's, ${facts.tolerance} allowed; lagbag's the same bits with 1 and 2 ranks, lag bounds 0 and 4, lookups coalesced or not
${cases[0].rounds.length} rounds, medians; shares of the time of each rank, of the calls in PyTorch (timed apart, after the rounds); the stage's from its start to its end

${formatTable(["", "samples/s", "min", "max", "pooling", "stage, dense", "on a core"], rows)}

${comparisons.map(formatComparison).join("\n")}`;
}

/** "PyTorch, 1 thread: torch 2.4.0, built with BLAS mkl; a batch's dense part takes 31,000 us by eager, 42,000 us by oneDNN layers: eager" */
function aboutTorch({ name, facts }: CaseReport): string {
  const { peer, blas, layers, eagerUs, oneDnnUs } = facts;
  const other = oneDnnUs === undefined ? "" : `, ${formatCount(Number(oneDnnUs))} us with oneDNN's layers`;
  return `${name}: ${peer}, built with BLAS "${blas}"; the dense part of a batch took ${formatCount(Number(eagerUs))} us with PyTorch's own${other}: timed with ${layers === "eager" ? "its own" : "oneDNN's"}`;
}

function shares({ facts }: CaseReport, what: string): string {
  const each = facts[`${what}Shares`];
  const one = facts[`${what === "stage" ? "dense" : what}Share`];
  if (Array.isArray(each)) return each.map((share) => percent(Number(share))).join(" ");
  return one === undefined ? "" : percent(Number(one));
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
