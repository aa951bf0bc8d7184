import { gatheredBytes, type RowDtype, storedBytes, storedRow, valuesIn } from "../rows/rows.js";
import type { CheckedTable } from "./check.js";
import { keyIndexBytes } from "./key-index.js";
import type { Shard, TablePlan } from "./types.js";

const CACHE_LINE_BYTES = 64;
const VECTOR_BYTES = 16;
/** Columns that kernels decode at a time, however few bytes they are. */
const MOST_VECTOR_COLUMNS = 16;

/** Columns of a full cache line: cuts at its multiples move no byte of values more than the whole row does. */
export function lineColumns(dtype: RowDtype): number {
  return valuesIn(dtype, CACHE_LINE_BYTES);
}

/** Columns of a SIMD vector: the next best border, no shard but the last has a tail to compute by single values. */
function vectorColumns(dtype: RowDtype): number {
  return Math.min(MOST_VECTOR_COLUMNS, valuesIn(dtype, VECTOR_BYTES));
}

/** How a table is cut, decided. */
export interface Cut {
  by: TablePlan["by"];
  shards: number;
}

/** A shard that has no rank yet, and what it costs the rank that gets it. */
export interface Piece extends Omit<Shard, "rank"> {
  /** Bytes of the table's key index that count with the piece; 0 without keys. */
  indexBytes: number;
  /** Rows that one sample gathers from it, every row of the table being equally likely. */
  lookupsPerSample: number;
  /** The same in bytes, whole cache lines counted, and with keys a line of the index for every lookup of the table: each rank searches all keys. */
  gatheredBytesPerSample: number;
  /** All ranks gather from it alike, whichever holds it. */
  replicated: boolean;
}

/** Bytes that a sample gathers from a piece on its owner, and on no other rank: what placing it can even out. */
export function placedBytes({ replicated, gatheredBytesPerSample }: Pick<Piece, "replicated" | "gatheredBytesPerSample">): number {
  return replicated ? 0 : gatheredBytesPerSample;
}

/** Shards of a table that is to be cut by columns over `ranks` ranks, no number given. */
export function defaultColumnShards({ dim, dtype }: Pick<CheckedTable, "dim" | "dtype">, ranks: number): number {
  const line = lineColumns(dtype);
  if (dim >= 2 * line) return Math.min(ranks, Math.floor(dim / line));
  // Shorter rows do not gather fewer lines when cut. Who asks for it all the same gets two shards at least.
  return Math.min(ranks, dim, Math.max(2, Math.ceil(dim / vectorColumns(dtype))));
}

/** Shards of a table that is to be cut by rows over `ranks` ranks, no number given. */
export function defaultRowShards(numRows: number, ranks: number): number {
  return Math.min(ranks, numRows);
}

/** Where row shards begin, and the end: shards + 1 ascending numbers; shards differ by one row at most. */
export function rowBorders(numRows: number, shards: number): number[] {
  return Array.from({ length: shards + 1 }, (_, shard) => Math.floor((numRows * shard) / shards));
}

/**
 * Where column shards begin, and the end: at multiples of a cache line while every shard gets one,
 * else at multiples of a SIMD vector while there are enough of them, else anywhere. None is empty.
 */
export function columnBorders({ dim, dtype }: Pick<CheckedTable, "dim" | "dtype">, shards: number): number[] {
  const line = lineColumns(dtype);
  const vector = vectorColumns(dtype);
  // With fewer shards than lines the last shard has two of them: a short last line is never a shard by itself.
  if (shards <= Math.floor(dim / line)) return bordersInUnits(dim, shards, { unit: line, units: Math.ceil(dim / line) });
  const vectors = Math.ceil(dim / vector);
  if (shards <= vectors) return bordersInUnits(dim, shards, { unit: vector, units: vectors });
  return bordersInUnits(dim, shards, { unit: 1, units: dim });
}

function bordersInUnits(dim: number, shards: number, { unit, units }: { unit: number; units: number }): number[] {
  const borders = rowBorders(units, shards).map((border) => border * unit);
  borders[shards] = dim;
  return borders;
}

/** The pieces of tables[index], in row or column order. */
export function cutTable(table: CheckedTable, index: number, cut: Cut): Piece[] {
  const rows = cut.by === "row" ? rowBorders(table.numRows, cut.shards) : [0, table.numRows];
  const columns = cut.by === "column" ? columnBorders(table, cut.shards) : [0, table.dim];
  let row = storedRow(table.dtype, columns[1]);
  return Array.from({ length: cut.shards }, (_, shard) => {
    const firstRow = rows[cut.by === "row" ? shard : 0];
    const endRow = rows[cut.by === "row" ? shard + 1 : 1];
    const firstColumn = columns[cut.by === "column" ? shard : 0];
    const endColumn = columns[cut.by === "column" ? shard + 1 : 1];
    const rowCount = endRow - firstRow;
    const columnCount = endColumn - firstColumn;
    // Most shards are alike, and some cuts have hundreds of them: a layout is made once, not for each.
    if (row.columns !== columnCount) row = storedRow(table.dtype, columnCount);
    const hasDefaultRow = table.keyed && endRow === table.numRows;
    const lookupsPerSample = (table.lookupsPerSample * rowCount) / table.numRows;
    return {
      table: index,
      firstRow,
      rowCount,
      firstColumn,
      columnCount,
      strideBytes: row.strideBytes,
      bytes: storedBytes(row, rowCount + (hasDefaultRow ? 1 : 0)),
      indexBytes: table.keyed ? keyIndexBytes(table.numRows) : 0,
      lookupsPerSample,
      gatheredBytesPerSample: lookupsPerSample * gatheredBytes(row) + (table.keyed ? table.lookupsPerSample * CACHE_LINE_BYTES : 0),
      replicated: table.replicated,
    };
  });
}
