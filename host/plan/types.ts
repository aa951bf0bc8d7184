import type { RowDtype } from "../rows/rows.js";

/** How a table is cut over ranks. `"auto"` lets the planner choose; the object form fixes the number of shards (1 to 1024). */
export type Sharding = "auto" | "table" | "row" | "column" | { by: "table" | "row" | "column"; shards?: number };

/** What the planner knows of a table. */
export interface PlanTable {
  /** Unique among the tables, not empty. */
  name: string;
  /** Rows, 1 to 2^31 - 1. */
  numRows: number;
  /** Floats in a row, 1 to 65536. */
  dim: number;
  /** How rows are held, default "fp32": narrower rows take fewer bytes and move fewer. */
  dtype?: RowDtype;
  /**
   * Rows that one sample gathers from this table over all features, a prediction, 0 to 2^53 - 1; default 1, may be
   * fractional, 0 for a table that is never read.
   */
  lookupsPerSample?: number;
  /** Default "auto". */
  sharding?: Sharding;
  /** Whether every rank pools the table for its own slice of the batch, whoever holds its rows: its lookups then load all ranks alike. Default false. */
  replicated?: boolean;
  /** Whether rows have external keys. Every rank with a shard of the table then holds the whole key index, at most 16 bytes a row, and reads a cache line of it for each lookup. Default false. */
  keyed?: boolean;
}

/** Limits of planTables. */
export interface PlanOptions {
  /** Number of ranks, 1 to 64. */
  ranks: number;
  /** Bytes of table rows, padding included, and key indexes that one rank may hold; default: no limit. */
  rankMemoryBytes?: number;
  /** Bytes of table rows, padding included, and one key index a table over all ranks; default: no limit (the one-memory build has one). */
  totalMemoryBytes?: number;
}

/**
 * A rectangle of a table that one rank holds: rows [firstRow, firstRow + rowCount) x columns [firstColumn,
 * firstColumn + columnCount). The shards of a table tile it; each is as high or as wide as the table itself.
 */
export interface Shard {
  /** Index into the tables. */
  table: number;
  rank: number;
  firstRow: number;
  rowCount: number;
  firstColumn: number;
  columnCount: number;
  /** Bytes from one row to the next in the rank's memory; docs/formats.md has them by dim and dtype. */
  strideBytes: number;
  /**
   * rowCount * strideBytes; for int8, int4 and int2 rows that fill their cache lines, and 8 bytes more a row for scale and bias. Of a table with
   * keys one row more where the shard has the last row: the default row.
   */
  bytes: number;
}

/** What the plan predicts for a rank. */
export interface RankLoad {
  rank: number;
  /** Bytes of rows that it holds, padding included, and of key indexes. */
  tableBytes: number;
  /** Rows that it gathers for one sample; a row of a column-wise table counts on every rank that holds some of its columns, one of a replicated table on all alike. */
  lookupsPerSample: number;
  /** Bytes that it gathers for one sample, of rows and key indexes, whole cache lines counted, a replicated table's on all ranks alike. */
  gatheredBytesPerSample: number;
}

/** How one table was cut. */
export interface TablePlan {
  name: string;
  dtype: RowDtype;
  /** "table" whenever there is one shard, also where rows or columns were asked for. */
  by: "table" | "row" | "column";
  /** Indices into Plan.shards, in row or column order. */
  shards: number[];
  /** Whether all ranks pool it, each for its own slice of the batch. */
  replicated: boolean;
  /** Bytes of the key index, which every rank with a shard of the table holds (with one memory they share it); 0 without keys. */
  keyIndexBytes: number;
}

/** Who owns what. Deeply frozen plain data but for toString, which is not enumerable; equal inputs give equal plans. */
export interface Plan {
  ranks: number;
  /** As many as were given, in their order. */
  tables: TablePlan[];
  /** Table by table, within a table in row or column order. */
  shards: Shard[];
  /** One for each rank, in rank order. */
  load: RankLoad[];
  /** Largest over mean of load[].gatheredBytesPerSample and of load[].tableBytes; 1 is balanced, also where all are 0. */
  imbalance: { gatheredBytes: number; tableBytes: number };
  /** A table of owners and predicted loads, for people. */
  toString(): string;
}
