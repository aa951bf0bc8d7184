import type { Plan, Shard, TablePlan } from "./types.js";

const MIB = 2 ** 20;
/** More tables than this are summed up but for the largest. */
const MOST_TABLES = 40;
const NAME_WIDTH = 32;
const OWNERS_WIDTH = 32;
const GAP = "  ";

interface Column {
  title: string;
  align: "left" | "right";
}

const TABLE_COLUMNS: readonly Column[] = [
  { title: "table", align: "left" },
  { title: "rows x dim", align: "right" },
  { title: "cut", align: "left" },
  { title: "ranks", align: "left" },
  { title: "MiB", align: "right" },
];

const RANK_COLUMNS: readonly Column[] = [
  { title: "rank", align: "right" },
  { title: "MiB", align: "right" },
  { title: "lookups/sample", align: "right" },
  { title: "bytes/sample", align: "right" },
  { title: "share of mean", align: "right" },
];

/** The plan as text: a line for each table, a line for each rank, and the imbalance. */
export function printPlan(plan: Plan): string {
  const { gatheredBytes, tableBytes } = plan.imbalance;
  return [
    ...tableLines(plan),
    "",
    ...rankLines(plan),
    "",
    `imbalance (largest / mean): gathered bytes ${gatheredBytes.toFixed(2)}, table bytes ${tableBytes.toFixed(2)}`,
  ].join("\n");
}

function tableLines({ tables, shards }: Plan): string[] {
  const bytes = tables.map((table) => bytesOf(table, shards));
  const all = Array.from(tables.keys());
  const largestFirst = all.toSorted((a, b) => bytes[b] - bytes[a] || a - b);
  const hidden = new Set(largestFirst.slice(all.length > MOST_TABLES ? MOST_TABLES : all.length));
  const rows = all.filter((table) => !hidden.has(table)).map((table) => tableRow(tables[table], shards));
  const lines = align(TABLE_COLUMNS, rows);
  if (hidden.size === 0) return lines;

  const hiddenBytes = [...hidden].reduce((sum, table) => sum + bytes[table], 0);
  const cuts = [...hidden].filter((table) => tables[table].by !== "table").length;
  return [...lines, `... and ${hidden.size} smaller tables, ${cuts} of them cut, ${mib(hiddenBytes)} MiB`];
}

function tableRow(table: TablePlan, allShards: readonly Shard[]): string[] {
  const { name, dtype, by, shards: indices, replicated } = table;
  const shards = indices.map((index) => allShards[index]);
  const last = shards[shards.length - 1];
  const rows = last.firstRow + last.rowCount;
  const dim = last.firstColumn + last.columnCount;
  const cut = `${by === "table" ? "whole" : `${shards.length} by ${by}`}${replicated ? ", replicated" : ""}`;
  const owners = ranges(shards.map(({ rank }) => rank));
  return [
    shorten(name, NAME_WIDTH),
    `${rows} x ${dim}${dtype === "fp32" ? "" : ` ${dtype}`}`,
    cut,
    shorten(owners, OWNERS_WIDTH),
    mib(bytesOf(table, allShards)),
  ];
}

function rankLines({ load }: Plan): string[] {
  const mean = load.reduce((sum, { gatheredBytesPerSample }) => sum + gatheredBytesPerSample, 0) / load.length;
  const rows = load.map(({ rank, tableBytes, lookupsPerSample, gatheredBytesPerSample }) => [
    String(rank),
    mib(tableBytes),
    lookupsPerSample.toFixed(1),
    gatheredBytesPerSample.toFixed(0),
    mean === 0 ? "-" : (gatheredBytesPerSample / mean).toFixed(2),
  ]);
  return align(RANK_COLUMNS, rows);
}

/** Bytes of a table's rows on all ranks, and of its key index on each of them. */
function bytesOf({ shards: indices, keyIndexBytes }: TablePlan, allShards: readonly Shard[]): number {
  const shards = indices.map((index) => allShards[index]);
  const ranks = new Set(shards.map(({ rank }) => rank)).size;
  return shards.reduce((sum, { bytes }) => sum + bytes, keyIndexBytes * ranks);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Numbers in their order, runs as "first-last": 0 1 2 5 becomes "0-2 5". */
function ranges(numbers: readonly number[]): string {
  const runs: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && number === run.last + 1) run.last = number;
    else runs.push({ first: number, last: number });
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

function align(columns: readonly Column[], rows: readonly string[][]): string[] {
  const titled = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, column) => titled.reduce((widest, row) => Math.max(widest, row[column].length), 0));
  return titled.map((row) =>
    row
      .map((text, column) => (columns[column].align === "left" ? text.padEnd(widths[column]) : text.padStart(widths[column])))
      .join(GAP)
      .trimEnd(),
  );
}
