import { directOf, READ_BYTES } from "./direct.js";
import { EmbeddingError } from "./errors.js";
import type { LoadReporter } from "./load-progress.js";
import type { Plan } from "./plan/plan.js";
import { type FilledTable, rowsForms, show } from "./resolve.js";
import {
  FloatWriter,
  packedWriter,
  quantiseRows,
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
  /** A row of floats as the source would give it. */
  ofRow(row: Float32Array): T;
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
/** What both kinds of arrays of rows can do. */
type Rows = (Float32Array | Uint8Array) & { subarray(start: number, end: number): unknown };
type Source<T> = Chunks<T> | ((first: number, count: number, out: T) => void);

function floatForm(dim: number): Form<Float32Array> {
  return {
    array: "Float32Array",
    unit: "values",
    rowLength: dim,
    elementBytes: 4,
    make: (length) => new Float32Array(length),
    ofRow: (row) => row,
  };
}

function byteForm({ dtype, dim }: FilledTable): Form<Uint8Array> {
  const rowLength = rowBytes(dtype, dim);
  const ofRow = (row: Float32Array): Uint8Array => {
    const packed = new Uint8Array(rowLength);
    quantiseRows(dtype, row, dim, packed);
    return packed;
  };
  return { array: "Uint8Array", unit: "bytes", rowLength, elementBytes: 1, make: (length) => new Uint8Array(length), ofRow };
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

/** The chunks of a row function: ascending ranges, one buffer. */
function* callForChunks<T extends Rows>(rows: (first: number, count: number, out: T) => void, { table, form }: Stream<T>): Generator<T> {
  const { rowLength, elementBytes } = form;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / (rowLength * elementBytes)));
  const chunk = form.make(step * rowLength);
  for (let first = 0; first < table.numRows; first += step) {
    const count = Math.min(step, table.numRows - first);
    const out = chunk.subarray(0, count * rowLength) as T;
    out.fill(0);
    rows(first, count, out);
    yield out;
  }
}

/** What a source's chunks go through: in turn `push` each, then `end`; what was thrown meanwhile is to be thrown as `failure`. */
interface Pump {
  chunks(): Iterable<unknown> | AsyncIterable<unknown>;
  push(chunk: unknown): void;
  /** The source has no more: has it given all? The default row follows. */
  end(): void;
  failure(cause: unknown): EmbeddingError;
}

function pumpOf<T extends Rows>(stream: Stream<T>, rows: Source<T>): Pump {
  const { table, form, writer, progress } = stream;
  const whole = table.numRows * form.rowLength;
  let taken = 0;
  return {
    chunks: () => (typeof rows === "function" ? callForChunks(rows, stream) : chunksOf(rows, stream)),
    push: (chunk) => {
      if (!isArray(chunk, form)) throw rowsError(stream, `a chunk of type ${show(chunk)}`, show(chunk));
      const { length } = chunk as T;
      if (taken + length > whole) throw rowsError(stream, `at least ${taken + length} ${form.unit}`, taken + length);
      writer.push(chunk as T);
      taken += length;
      progress.add(length * form.elementBytes);
    },
    end: () => {
      if (taken !== whole) throw rowsError(stream, `${taken} ${form.unit}`, taken);
      if (table.defaultRow !== undefined) writer.push(form.ofRow(table.defaultRow));
    },
    failure: (cause) => {
      if (cause instanceof EmbeddingError) return cause;
      const text = cause instanceof Error ? cause.message : String(cause);
      const message = `table ${show(table.name)}: rows failed after ${taken} ${form.unit}: ${text}`;
      return new EmbeddingError("EMBEDDING_TABLE_ROWS", message, { table: table.name, cause });
    },
  };
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

/** How a table gets into the memories of its shards. */
interface WayIn {
  pump: Pump;
  /** Instead of the pump: fills the shards from a source that can do so itself (see direct.ts). */
  direct: (() => Promise<void>) | undefined;
  /** When all is in: the shards that markFiniteHalves is for. */
  finite(): readonly number[];
}

function wayIn(table: FilledTable, { index, plan, shardBytes, progress }: LoadTarget): WayIn {
  const { name, numRows, dim, dtype, defaultRow } = table;
  progress.begin({ name, numRows, rowBytes: sourceRowBytes(table) });
  const { shards } = plan.tables[index];
  const targets = shards.map((s): ShardTarget => {
    const { firstRow, rowCount, firstColumn, columnCount } = plan.shards[s];
    // The default row of a table with keys is the row behind the last.
    const rows = rowCount + (table.keys !== undefined && firstRow + rowCount === numRows ? 1 : 0);
    return { firstRow, rowCount: rows, firstColumn, row: storedRow(dtype, columnCount), bytes: shardBytes(s) };
  });
  if (dtype === "fp32" && !table.packed) {
    const source = directOf(table.rows);
    const isWhole = targets.every(({ row }) => row.columns === dim && row.strideBytes === dim * 4);
    return {
      pump: pumpOf({ table, form: floatForm(dim), writer: new FloatWriter(dim, targets), progress }, table.rows),
      direct:
        source && isWhole
          ? async () => {
              for (const [n, { firstRow, bytes }] of targets.entries()) {
                // A shard may hold more than its rows.
                const end = plan.shards[shards[n]].rowCount * dim * 4;
                await source[READ_BYTES](firstRow * dim * 4, bytes.subarray(0, end), (count) => progress.add(count));
                if (defaultRow !== undefined && end < bytes.length) bytes.set(bytesOf(defaultRow), end);
              }
            }
          : undefined,
      finite: () => [],
    };
  }
  const stores = targets.map((target) => new ShardStore(dim, target));
  return {
    pump: table.packed
      ? pumpOf({ table, form: byteForm(table), writer: packedWriter(dtype, dim, stores), progress }, table.rows)
      : pumpOf({ table, form: floatForm(dim), writer: quantisingWriter(dtype, dim, stores), progress }, table.rows),
    direct: undefined,
    finite: () => shards.filter((_, n) => stores[n].hasOrdinaryHalves),
  };
}

/**
 * Streams one table into the memories of its shards, in the format that they hold. Nothing of the source is kept; besides the shards one
 * chunk, and for other formats than fp32 a block of packed rows, is in memory. A source that can (see direct.ts) fills shards of whole fp32
 * rows itself. Resolves with the shards that markFiniteHalves is for.
 * @throws EmbeddingError EMBEDDING_TABLE_ROWS when the source gives too much, too little, or something else; its own errors as `cause`
 */
export async function loadTable(table: FilledTable, target: LoadTarget): Promise<readonly number[]> {
  const { pump, direct, finite } = wayIn(table, target);
  if (direct !== undefined) {
    await direct();
    return finite();
  }
  try {
    for await (const chunk of pump.chunks()) pump.push(chunk);
    pump.end();
  } catch (cause) {
    throw pump.failure(cause);
  }
  return finite();
}

/**
 * As loadTable, without waiting for anything.
 * @throws EmbeddingError as loadTable; EMBEDDING_OPTIONS for an async iterable
 */
export function loadTableSync(table: FilledTable, target: LoadTarget): readonly number[] {
  const { pump, finite } = wayIn(table, target);
  try {
    const chunks = pump.chunks();
    if (!(Symbol.iterator in chunks)) {
      const expected = "a source that is read without waiting: an array, an iterable or a function";
      const message = `table ${show(table.name)}: rows: got an async iterable, expected ${expected}`;
      throw new EmbeddingError("EMBEDDING_OPTIONS", message, { table: table.name, got: "an async iterable", expected });
    }
    for (const chunk of chunks) pump.push(chunk);
    pump.end();
  } catch (cause) {
    throw pump.failure(cause);
  }
  return finite();
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Bytes of a row as the table's source gives it. */
export function sourceRowBytes({ packed, dtype, dim }: FilledTable): number {
  return packed ? rowBytes(dtype, dim) : dim * 4;
}
