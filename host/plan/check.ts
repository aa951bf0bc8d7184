import { inspect } from "node:util";
import { EmbeddingError } from "../errors.js";
import { ROW_DTYPES, type RowDtype } from "../rows/rows.js";
import type { PlanOptions, PlanTable, Sharding } from "./types.js";

const MAX_RANKS = 64;
export const MAX_SHARDS = 1024;
const MAX_ROWS = 2 ** 31 - 1;
const MAX_DIM = 65536;
/** Far beyond any real load, and sums of it stay finite. */
const MAX_LOOKUPS_PER_SAMPLE = Number.MAX_SAFE_INTEGER;

const WAYS = ["table", "row", "column"] as const;
const SHARDING_FORMS = `"auto", "table", "row", "column" or { by: "table" | "row" | "column", shards?: 1 to ${MAX_SHARDS} }`;

/** A cut that the caller asked for; without `shards` the planner counts. */
export interface WantedCut {
  by: (typeof WAYS)[number];
  shards?: number;
}

/** A table whose numbers are known to be good, defaults filled in. */
export interface CheckedTable {
  name: string;
  numRows: number;
  dim: number;
  dtype: RowDtype;
  lookupsPerSample: number;
  keyed: boolean;
  replicated: boolean;
  wanted: WantedCut | "auto";
}

/** PlanOptions with "no limit" as Infinity. */
export interface Limits {
  ranks: number;
  rankMemoryBytes: number;
  totalMemoryBytes: number;
}

/** The options with their defaults. Throws EMBEDDING_OPTIONS. */
export function checkPlanOptions(options: PlanOptions): Limits {
  if (typeof options !== "object" || options === null) throw wrong({ option: "options", got: options, expected: "an object" });
  const { ranks, rankMemoryBytes = Infinity, totalMemoryBytes = Infinity } = options;
  checkInteger({ option: "ranks", got: ranks, most: MAX_RANKS });
  for (const [option, got] of Object.entries({ rankMemoryBytes, totalMemoryBytes })) {
    if (!(typeof got === "number" && got > 0)) throw wrong({ option, got, expected: "a number of bytes greater than 0" });
  }
  return { ranks, rankMemoryBytes, totalMemoryBytes };
}

/** The tables with their defaults, in their order. Throws EMBEDDING_OPTIONS and names the table. */
export function checkPlanTables(tables: readonly PlanTable[]): CheckedTable[] {
  if (!Array.isArray(tables)) throw wrong({ option: "tables", got: tables, expected: "an array of tables" });
  const names = new Set<string>();
  // Array.from visits holes, map would not.
  return Array.from(tables as readonly PlanTable[], (given, index) => {
    const position = `tables[${index}]`;
    if (typeof given !== "object" || given === null) throw wrong({ option: position, got: given, expected: "a table" });
    const { name } = given;
    const option = `${position}.name`;
    if (typeof name !== "string" || name === "") throw wrong({ option, got: name, expected: "a string that is not empty" });
    if (names.has(name)) throw wrong({ option, got: name, expected: "a name that no other table has", table: name });
    names.add(name);
    return checkTable(given);
  });
}

function checkTable({
  name,
  numRows,
  dim,
  dtype = "fp32",
  lookupsPerSample = 1,
  sharding = "auto",
  keyed = false,
  replicated = false,
}: PlanTable): CheckedTable {
  checkInteger({ option: "numRows", got: numRows, most: MAX_ROWS, table: name });
  checkInteger({ option: "dim", got: dim, most: MAX_DIM, table: name });
  if (!ROW_DTYPES.includes(dtype)) {
    throw wrong({ option: "dtype", got: dtype, expected: ROW_DTYPES.map((one) => `"${one}"`).join(" or "), table: name });
  }
  if (!(typeof lookupsPerSample === "number" && lookupsPerSample >= 0 && lookupsPerSample <= MAX_LOOKUPS_PER_SAMPLE)) {
    const expected = `a number from 0 to ${MAX_LOOKUPS_PER_SAMPLE}`;
    throw wrong({ option: "lookupsPerSample", got: lookupsPerSample, expected, table: name });
  }
  for (const [option, got] of Object.entries({ keyed, replicated })) {
    if (typeof got !== "boolean") throw wrong({ option, got, expected: "true or false", table: name });
  }
  const wanted = checkSharding(name, sharding);
  if (wanted !== "auto" && wanted.shards !== undefined) {
    const most = { table: 1, row: Math.min(numRows, MAX_SHARDS), column: Math.min(dim, MAX_SHARDS) }[wanted.by];
    const reason = { table: ": a whole table is one shard", row: ", its rows", column: ", its columns" }[wanted.by];
    const option = `sharding by "${wanted.by}" with shards`;
    checkInteger({ option, got: wanted.shards, most, table: name, reason: most < MAX_SHARDS ? reason : "" });
  }
  return { name, numRows, dim, dtype, lookupsPerSample, keyed, replicated, wanted };
}

/** The form alone; how many shards there may be depends on the table. */
function checkSharding(table: string, sharding: Sharding): WantedCut | "auto" {
  if (sharding === "auto") return "auto";
  const form: { by?: unknown; shards?: number } | null = typeof sharding === "object" ? sharding : { by: sharding };
  const by = WAYS.find((way) => way === form?.by);
  if (by === undefined) throw wrong({ option: "sharding", got: sharding, expected: SHARDING_FORMS, table });
  return form?.shards === undefined ? { by } : { by, shards: form.shards };
}

interface IntegerCheck {
  option: string;
  got: number;
  most: number;
  table?: string;
  /** Why `most` is not more, to go on with in the message. */
  reason?: string;
}

function checkInteger({ most, reason = "", ...given }: IntegerCheck): void {
  if (Number.isInteger(given.got) && given.got >= 1 && given.got <= most) return;
  throw wrong({ ...given, expected: `an integer from 1 to ${most}${reason}` });
}

interface Wrong {
  option: string;
  got: unknown;
  expected: string;
  table?: string;
}

function wrong({ option, ...details }: Wrong): EmbeddingError {
  const where = details.table === undefined ? "planTables" : `table ${JSON.stringify(details.table)}`;
  const got = inspect(details.got, { depth: 1, breakLength: Infinity });
  return new EmbeddingError("EMBEDDING_OPTIONS", `${where}: got ${option} ${got}, expected ${details.expected}`, details);
}
