import type { Group } from "../report.js";
import { formatComparison } from "../report.js";
import { formatCount, formatMB, formatNumber, formatTable } from "../text-table.js";

/** What the rounds showed, as text. */
export function formatKeys({ name, description, facts, cases, comparisons }: Group): string {
  const rows = cases.map(({ name: of, summary: { median, min, max } }) => [
    of,
    ...[median, max, min].map((rate) => formatNumber(1e9 / rate)),
  ]);
  const index =
    facts.indexBytes === undefined
      ? ""
      : `\nindex: ${formatMB(Number(facts.indexBytes))}, ${formatNumber(Number(facts.indexBytes) / Number(facts.numKeys))} bytes a key; loaded at ${formatNumber(
          Number(facts.loadedKeysPerSecond) / 1e6,
        )} Mkeys/s; ${facts.memoryMode}-memory build`;
  return `
${name}: ${description}
${formatCount(Number(facts.batches))} batches in rotation, all checked against each other; ${cases[0].rounds.length} rounds${index}

${formatTable(["", "ns a key", "min", "max"], rows)}

${comparisons.map(formatComparison).join("\n")}`;
}
