import { EmbeddingError } from "../errors.js";
import { LAYOUT } from "../memory/abi.js";
import { resolvingOf } from "../memory/records.js";
import type { AnyTableOptions, KeySource } from "../options.js";
import { optionError } from "./option-error.js";

const INDEXINGS: readonly unknown[] = ["row", "modulo", "hash"];
const MISSING_KEYS: readonly unknown[] = ["default", "error"];

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Checks the options that say how a table's indices become rows. option: where the table is, for messages.
 * @throws EmbeddingError EMBEDDING_OPTIONS; EMBEDDING_KEYS when an array of keys has the wrong length
 */
export function checkKeyOptions(option: string, table: AnyTableOptions): void {
  const { name, keys, missingKey = "default", defaultRow, indexing = "row", numRows, dim } = table;
  const refuse = (field: keyof AnyTableOptions, got: unknown, expected: string): never => {
    throw optionError(`${option}.${field}`, { got, expected, table: name });
  };
  if (!INDEXINGS.includes(indexing)) refuse("indexing", indexing, '"row", "modulo" or "hash"');
  if (keys === undefined) {
    if (table.missingKey !== undefined) refuse("missingKey", missingKey, "none: the table has no keys");
    if (defaultRow !== undefined) refuse("defaultRow", defaultRow, "none: the table has no keys");
    return;
  }
  if (typeof keys !== "object" || keys === null) refuse("keys", keys, "a BigInt64Array, or an iterable or async iterable of them");
  if (table.indexing !== undefined) refuse("indexing", indexing, "none: the table has keys");
  if (!MISSING_KEYS.includes(missingKey)) refuse("missingKey", missingKey, '"default" or "error"');
  if (tagOf(keys) === "BigInt64Array" && (keys as BigInt64Array).length !== numRows)
    throw keyCountError(name, (keys as BigInt64Array).length, numRows);
  if (defaultRow === undefined) return;
  if (tagOf(defaultRow) !== "Float32Array") refuse("defaultRow", tagOf(defaultRow), `a Float32Array of ${dim} floats`);
  if (defaultRow.length !== dim) refuse("defaultRow", defaultRow.length, `${dim} floats, the table's dim`);
}

/** The error of too few or too many keys. */
export function keyCountError(table: string, got: string | number, expected: number): EmbeddingError {
  return new EmbeddingError("EMBEDDING_KEYS", `table ${JSON.stringify(table)}: got ${got} keys, expected ${expected}, one for each row`, {
    table,
    got,
    expected,
  });
}

/** Whether the table has keys. */
export function hasKeys<T extends Pick<AnyTableOptions, "keys">>(table: T): table is T & { keys: KeySource } {
  return table.keys !== undefined;
}

/** Whether indices on the table are no row numbers, but keys, or become rows by modulo or hash. */
export function isResolved(table: Pick<AnyTableOptions, "keys" | "indexing">): boolean {
  return resolvingOf(table) !== LAYOUT.RESOLVE_ROW;
}
