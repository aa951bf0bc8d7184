import { EmbeddingError } from "./errors.js";
import type { RowSource, TableOptions } from "./options.js";
import type { Plan, Shard } from "./plan/plan.js";
import { show } from "./resolve.js";

/** Values that a row function is asked for at once: 256 KiB stay in a second-level cache. */
const CHUNK_VALUES = 65536;

/** Up to this many floats a loop is faster than a subarray and its set. */
const LOOP_FLOATS = 256;

/** Writes a table's values, which come in row-major order, to the shards that hold them. */
class TableWriter {
  readonly #table: TableOptions;
  readonly #shards: { shard: Shard; rows: Float32Array }[];
  #value = 0;

  /** shards: with the floats of each shard's memory, from its first row on. */
  constructor(table: TableOptions, shards: { shard: Shard; rows: Float32Array }[]) {
    this.#table = table;
    this.#shards = shards;
  }

  get values(): number {
    return this.#value;
  }

  /** Takes the next values; a chunk may start and end within a row. */
  push(chunk: Float32Array): void {
    const { dim, numRows, name } = this.#table;
    if (this.#value + chunk.length > numRows * dim) {
      throw rowsError(name, `at least ${this.#value + chunk.length} values`, this.#value + chunk.length, numRows, dim);
    }
    for (let at = 0; at < chunk.length; ) {
      const row = Math.floor(this.#value / dim);
      const column = this.#value % dim;
      const wholeRows = column === 0 ? Math.floor((chunk.length - at) / dim) : 0;
      const count = wholeRows > 0 ? wholeRows * dim : Math.min(dim - column, chunk.length - at);
      const part = chunk.subarray(at, at + count);
      for (const one of this.#shards) {
        if (wholeRows > 0) this.#writeRows(one, row, wholeRows, part);
        else this.#writePart(one, row, column, part);
      }
      at += count;
      this.#value += count;
    }
  }

  #writeRows({ shard, rows }: { shard: Shard; rows: Float32Array }, row: number, count: number, values: Float32Array): void {
    const { dim } = this.#table;
    const first = Math.max(row, shard.firstRow);
    const end = Math.min(row + count, shard.firstRow + shard.rowCount);
    if (first >= end) return;
    const stride = shard.strideBytes / 4;
    if (stride === dim && shard.columnCount === dim) {
      rows.set(values.subarray((first - row) * dim, (end - row) * dim), (first - shard.firstRow) * stride);
      return;
    }
    const { firstColumn, columnCount } = shard;
    for (let r = first; r < end; r += 1) {
      const from = (r - row) * dim + firstColumn;
      const to = (r - shard.firstRow) * stride;
      if (columnCount > LOOP_FLOATS) rows.set(values.subarray(from, from + columnCount), to);
      else for (let c = 0; c < columnCount; c += 1) rows[to + c] = values[from + c];
    }
  }

  #writePart({ shard, rows }: { shard: Shard; rows: Float32Array }, row: number, column: number, values: Float32Array): void {
    if (row < shard.firstRow || row >= shard.firstRow + shard.rowCount) return;
    const first = Math.max(column, shard.firstColumn);
    const end = Math.min(column + values.length, shard.firstColumn + shard.columnCount);
    if (first >= end) return;
    const at = (row - shard.firstRow) * (shard.strideBytes / 4) + (first - shard.firstColumn);
    rows.set(values.subarray(first - column, end - column), at);
  }
}

function rowsError(name: string, what: string, got: unknown, numRows: number, dim: number): EmbeddingError {
  return new EmbeddingError(
    "EMBEDDING_TABLE_ROWS",
    `table ${show(name)}: rows gave ${what}, expected ${numRows} rows x ${dim} = ${numRows * dim} values`,
    {
      table: name,
      got,
      expected: numRows * dim,
    },
  );
}

function isFloat32Array(value: unknown): value is Float32Array {
  return Object.prototype.toString.call(value) === "[object Float32Array]";
}

/** The chunks of a source that is no function. */
function chunksOf(
  rows: Exclude<RowSource, (...args: never[]) => unknown>,
  name: string,
): Iterable<Float32Array> | AsyncIterable<Float32Array> {
  if (isFloat32Array(rows)) return [rows];
  if (Symbol.asyncIterator in rows || Symbol.iterator in rows) return rows;
  throw new EmbeddingError(
    "EMBEDDING_OPTIONS",
    `table ${show(name)}: rows: got ${show(rows)}, expected a Float32Array, an iterable of Float32Arrays, or a function`,
    { table: name },
  );
}

/**
 * Streams one table into the memories of its shards. Nothing of the source is kept; besides the shards one chunk is in memory.
 * @throws EmbeddingError EMBEDDING_TABLE_ROWS when the source gives too much, too little, or something else; its own errors as `cause`
 */
export async function loadTable(table: TableOptions, index: number, plan: Plan, shardRows: (shard: number) => Float32Array): Promise<void> {
  const { rows, numRows, dim, name } = table;
  const writer = new TableWriter(
    table,
    plan.tables[index].shards.map((s) => ({ shard: plan.shards[s], rows: shardRows(s) })),
  );
  try {
    if (typeof rows === "function") {
      const step = Math.max(1, Math.floor(CHUNK_VALUES / dim));
      const chunk = new Float32Array(step * dim);
      for (let first = 0; first < numRows; first += step) {
        const count = Math.min(step, numRows - first);
        const out = chunk.subarray(0, count * dim).fill(0);
        rows(first, count, out);
        writer.push(out);
      }
      return;
    }
    for await (const chunk of chunksOf(rows, name)) {
      if (!isFloat32Array(chunk)) throw rowsError(name, `a chunk of type ${show(chunk)}`, show(chunk), numRows, dim);
      writer.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof EmbeddingError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddingError("EMBEDDING_TABLE_ROWS", `table ${show(name)}: rows failed after ${writer.values} values: ${text}`, {
      table: name,
      cause,
    });
  }
  if (writer.values !== numRows * dim) throw rowsError(name, `${writer.values} values`, writer.values, numRows, dim);
}
