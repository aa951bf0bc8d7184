import { directOf, READ_BYTES } from "./direct.js";
import { EmbeddingError } from "./errors.js";
import type { LoadReporter } from "./load-progress.js";
import type { Plan } from "./plan/plan.js";
import { type FilledTable, rowsForms, show } from "./resolve.js";
import {
  FloatWriter,
  packedWriter,
  quantisingWriter,
  rowBytes,
  ShardStore,
  type ShardTarget,
  storedRow,
  type TableWriter,
} from "./rows/rows.js";

/** What a function of rows is asked for at once: this much stays in a second-level cache. */
const CHUNK_BYTES = 262_144;

/** In which form a source gives rows. */
interface Form<T> {
  array: "Float32Array" | "Uint8Array";
  /** What its elements are called in messages. */
  unit: "values" | "bytes";
  /** Elements of a row. */
  rowLength: number;
  elementBytes: number;
  make(length: number): T;
}

/** Where a table's rows come from and go to. */
interface Stream<T> {
  table: FilledTable;
  form: Form<T>;
  writer: TableWriter<T>;
  progress: LoadReporter;
}

/** A source of either kind, its elements not looked at yet. */
type Chunks<T> = T | Iterable<T> | AsyncIterable<T>;
type Source<T> = Chunks<T> | ((first: number, count: number, out: T) => void);

function floatForm(dim: number): Form<Float32Array> {
  return { array: "Float32Array", unit: "values", rowLength: dim, elementBytes: 4, make: (length) => new Float32Array(length) };
}

function byteForm({ dtype, dim }: FilledTable): Form<Uint8Array> {
  return { array: "Uint8Array", unit: "bytes", rowLength: rowBytes(dtype, dim), elementBytes: 1, make: (length) => new Uint8Array(length) };
}

function rowsError<T>({ table, form }: Stream<T>, what: string, got: unknown): EmbeddingError {
  const { name, numRows, dim, dtype, packed } = table;
  const { rowLength, unit, array } = form;
  const expected = numRows * rowLength;
  const row = packed ? `${rowLength} bytes (${dtype}, dim ${dim})` : `${rowLength}`;
  const chunks = typeof got === "number" ? "" : ` in ${array}s`;
  return new EmbeddingError(
    "EMBEDDING_TABLE_ROWS",
    `table ${show(name)}: rows gave ${what}, expected ${numRows} rows x ${row} = ${expected} ${unit}${chunks}`,
    { table: name, got, expected: typeof got === "number" ? expected : array },
  );
}

/** Tells arrays of other realms too: instanceof would not. */
function isArray<T>(value: unknown, { array }: Form<T>): boolean {
  // A Buffer is a Uint8Array to everybody who reads bytes.
  return Object.prototype.toString.call(value) === `[object ${array}]`;
}

/** The chunks of a source that is no function. */
function chunksOf<T>(rows: Chunks<T>, { table, form }: Stream<T>): Iterable<T> | AsyncIterable<T> {
  if (isArray(rows, form)) return [rows as T];
  // Another typed array would iterate over its numbers: it is a chunk of the wrong type.
  if (ArrayBuffer.isView(rows)) return [rows as T];
  if (Symbol.asyncIterator in Object(rows) || Symbol.iterator in Object(rows)) return rows as Iterable<T> | AsyncIterable<T>;
  throw new EmbeddingError("EMBEDDING_OPTIONS", `table ${show(table.name)}: rows: got ${show(rows)}, expected ${rowsForms(table.packed)}`, {
    table: table.name,
    got: show(rows),
    expected: rowsForms(table.packed),
  });
}

async function pump<T extends ArrayLike<number> & { subarray(start: number, end: number): unknown; fill(value: number): unknown }>(
  stream: Stream<T>,
  rows: Source<T>,
): Promise<void> {
  const { table, form, writer, progress } = stream;
  const { numRows, name } = table;
  const { rowLength } = form;
  let taken = 0;
  const push = (chunk: T): void => {
    if (taken + chunk.length > numRows * rowLength) {
      throw rowsError(stream, `at least ${taken + chunk.length} ${form.unit}`, taken + chunk.length);
    }
    writer.push(chunk);
    taken += chunk.length;
    progress.add(chunk.length * form.elementBytes);
  };
  try {
    if (typeof rows === "function") {
      const step = Math.max(1, Math.floor(CHUNK_BYTES / (rowLength * form.elementBytes)));
      const chunk = form.make(step * rowLength);
      for (let first = 0; first < numRows; first += step) {
        const count = Math.min(step, numRows - first);
        const out = chunk.subarray(0, count * rowLength) as T;
        out.fill(0);
        rows(first, count, out);
        push(out);
      }
      return;
    }
    for await (const chunk of chunksOf(rows as Chunks<T>, stream)) {
      if (!isArray(chunk, form)) throw rowsError(stream, `a chunk of type ${show(chunk)}`, show(chunk));
      push(chunk);
    }
  } catch (cause) {
    if (cause instanceof EmbeddingError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddingError("EMBEDDING_TABLE_ROWS", `table ${show(name)}: rows failed after ${taken} ${form.unit}: ${text}`, {
      table: name,
      cause,
    });
  }
  if (taken !== numRows * rowLength) throw rowsError(stream, `${taken} ${form.unit}`, taken);
}

/** What loadTable needs besides the table. */
export interface LoadTarget {
  /** The table's index in the plan. */
  index: number;
  plan: Plan;
  /** The memory of a shard, from its first row on. */
  shardBytes: (shard: number) => Uint8Array;
  progress: LoadReporter;
}

/**
 * Streams one table into the memories of its shards, in the format that they hold. Nothing of the source is kept; besides the shards one
 * chunk, and for other formats than fp32 a block of packed rows, is in memory. A source that can (see direct.ts) fills shards of whole fp32
 * rows itself. Resolves with the shards that markFiniteHalves is for.
 * @throws EmbeddingError EMBEDDING_TABLE_ROWS when the source gives too much, too little, or something else; its own errors as `cause`
 */
export async function loadTable(table: FilledTable, { index, plan, shardBytes, progress }: LoadTarget): Promise<readonly number[]> {
  const { name, numRows, dim, dtype } = table;
  progress.begin({ name, numRows, rowBytes: sourceRowBytes(table) });
  const { shards } = plan.tables[index];
  const targets = shards.map((s): ShardTarget => {
    const { firstRow, rowCount, firstColumn, columnCount } = plan.shards[s];
    return { firstRow, rowCount, firstColumn, row: storedRow(dtype, columnCount), bytes: shardBytes(s) };
  });
  if (dtype === "fp32" && !table.packed) {
    const direct = directOf(table.rows);
    if (direct === undefined || targets.some(({ row }) => row.columns !== dim || row.strideBytes !== dim * 4)) {
      await pump({ table, form: floatForm(dim), writer: new FloatWriter(dim, targets), progress }, table.rows);
      return [];
    }
    for (const { firstRow, rowCount, bytes } of targets) {
      // A shard may hold more than its rows.
      await direct[READ_BYTES](firstRow * dim * 4, bytes.subarray(0, rowCount * dim * 4), (count) => progress.add(count));
    }
    return [];
  }
  const stores = targets.map((target) => new ShardStore(dim, target));
  if (table.packed) await pump({ table, form: byteForm(table), writer: packedWriter(dtype, dim, stores), progress }, table.rows);
  else await pump({ table, form: floatForm(dim), writer: quantisingWriter(dtype, dim, stores), progress }, table.rows);
  return shards.filter((_, n) => stores[n].hasOrdinaryHalves);
}

/** Bytes of a row as the table's source gives it. */
export function sourceRowBytes({ packed, dtype, dim }: FilledTable): number {
  return packed ? rowBytes(dtype, dim) : dim * 4;
}
