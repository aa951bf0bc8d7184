import type { LoadProgress } from "./load-progress.js";
import type { Sharding } from "./plan/plan.js";
import type { RowDtype } from "./rows/rows.js";

/** How the rows of a bag become one vector; "none" gives the rows themselves, jagged. */
export type Pooling = "sum" | "mean" | "max" | "none";

/**
 * Where a table's rows come from, row-major, numRows * dim values in all. Copied in, never transferred or kept.
 * - Float32Array: all values at once
 * - iterables: chunks of any length, also such that cut a row
 * - function: called with ascending ranges; writes rows [first, first + count) to `out` (count * dim values), which is valid during the call only
 */
export type RowSource =
  | Float32Array
  | AsyncIterable<Float32Array>
  | Iterable<Float32Array>
  | ((first: number, count: number, out: Float32Array) => void);

/** Where a table's keys come from: numRows of them in all, in row order, each once; chunks may be of any length. Copied in, never transferred or kept. */
export type KeySource = BigInt64Array | Iterable<BigInt64Array> | AsyncIterable<BigInt64Array>;

/** How an index becomes a row of a table without keys, see TableOptions.indexing. */
export type Indexing = "row" | "modulo" | "hash";
/**
 * Where the rows of a packed table come from: bytes, row-major, rowBytes(dtype, dim) a row, little-endian, as docs/formats.md draws them.
 * As RowSource but for that; chunks may cut a row.
 */
export type PackedRowSource =
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>
  | ((first: number, count: number, out: Uint8Array) => void);

/** A table of embedding rows. */
export type TableOptions = FloatTableOptions | PackedTableOptions;

/** A table whose rows come as floats, whatever its dtype. */
export interface FloatTableOptions extends AnyTableOptions {
  rows: RowSource;
  /** Default false. */
  packed?: false;
}

/** A table whose rows come as bytes of its dtype: quantised already. */
export interface PackedTableOptions extends AnyTableOptions {
  rows: PackedRowSource;
  packed: true;
}

/** What all tables have. */
export interface AnyTableOptions {
  /** Unique among the tables, not empty. */
  name: string;
  /** Rows, 1 to 2^31 - 1. */
  numRows: number;
  /** Floats in a row, 1 to 65536. */
  dim: number;
  /**
   * How the engine holds the rows, default "fp32". Floats are rounded to it on the way in ("fp16", or "int8", "int4", "int2" with a scale and a
   * bias a row); lookups give floats, the bits of an fp32 table over dequantiseRows(rows). docs/formats.md has the error bounds.
   */
  dtype?: RowDtype;
  /** How the table is cut over the ranks, default "auto". Row-wise cuts add partial sums in shard order: the bits depend on the number of shards, not on the ranks. */
  sharding?: Sharding;
  /** Rows that one sample reads from this table over all its features, a prediction that balances the plan; default: the number of features on it. */
  lookupsPerSample?: number;
  /**
   * Whether every rank pools this table for its own slice of the batch, whoever holds the rows: the table then overloads no rank, however hot it or
   * some of its rows are, and its pooled vectors are sent to nobody. The bits stay. Default false. Engine.replicate changes it while lookups run.
   */
  replicated?: boolean;
  /** External 64-bit key of each row, in row order: lookups on this table then give keys instead of row numbers. Default: none. See docs/keys.md. */
  keys?: KeySource;
  /** What a key that is not there gives: "default" (the default) the table's defaultRow, "error" EMBEDDING_KEY_MISSING. Only with keys. */
  missingKey?: "default" | "error";
  /** dim floats, default zeros. Only with keys. */
  defaultRow?: Float32Array;
  /**
   * Without keys, how an index becomes a row. "row" (default): it is the row. "modulo": index mod numRows, floored: -1 is the last row.
   * "hash": hashToRow(index, numRows). "modulo" and "hash" take all 64-bit integers.
   */
  indexing?: Indexing;
}

/** A sparse feature: bags of indices into one table. */
export interface FeatureOptions {
  /** Unique among the features, not empty. */
  name: string;
  /** Name of its table. */
  table: string;
  /** Default "sum". */
  pooling?: Pooling;
  /**
   * Index whose rows do not count, as torch's padding_idx: -numRows to numRows - 1, negative counts from the end. On tables with keys, and
   * with indexing "modulo" or "hash", it is an index as lookups give it, any 64-bit integer, compared before it becomes a row; the key need
   * not be there. With pooling "none" the row is given as it is. Default: none.
   */
  paddingIndex?: number | bigint;
}

/** What every rank runs on its own slice of a step, right after the alltoallv: a dense model, for instance. */
export interface StageOptions {
  /** An ES or CommonJS module that exports createStage (see StageModule). A path (relative ones from the working directory), a file: or data: URL, or a package's name. */
  module: string | URL;
  /** Handed to createStage as a structured clone. */
  options?: unknown;
  /** Floats a sample in `stageInput`, 0 to 65536; default 0: no input. */
  inputColumns?: number;
  /** Floats a sample that run returns, 1 to 1,048,576; default: the sum of dims. */
  columns?: number;
}

/** What `lagBound: "auto"` may do. */
export interface LagLimits {
  /** The largest bound, 0 to 1022; default 64. Where windows of that many steps would leave a rank less than 256 samples a step, it is halved until they do not. */
  maxLagBound?: number;
  /** Milliseconds from a step's slot in the ring to its end that 99 of 100 steps are to keep; a bound that would pass it, or does, is not used. Above 0; default: no limit. */
  latencyBudgetMs?: number;
  /** Bytes that the receive windows of all ranks may take; default: a quarter of the exchange memory, at most 1 GiB. */
  memoryBytes?: number;
}

/** Options of openEngine. */
export interface EngineOptions {
  /** At least one. */
  tables: readonly TableOptions[];
  /** Default: one for each table, with its name, pooling "sum". */
  features?: readonly FeatureOptions[];
  /** Shard workers, each a thread, 1 to 64; default: the processor's parallelism, at most 8. 0: no threads; lookups run on the caller's thread, tables lie in one memory (4 GiB), no stage. */
  ranks?: number;
  /**
   * Steps that a rank may lag behind before the fastest blocks, 0 (the synchronous alltoallv) to 1022; default 4. Costs (lagBound + 2) x
   * window bytes. "auto": learned from the ranks' times, the smallest bound that gives (nearly) all that any bound would; see `stats().lag`.
   */
  lagBound?: number | "auto";
  /** Limits of `lagBound: "auto"`, and only of it. */
  lagLimits?: LagLimits;
  /** May small lookups run on the caller's thread? "auto" measures at opening (at most 20 ms) up to which size that is faster; default "auto". Never with a stage. */
  inline?: "auto" | "never" | "always";
  /** "two": up to 4 GiB of rows a rank, needs WebAssembly multi-memory (Node 22 and later); "one": tables and exchange in 4 GiB in all; default "auto": two where there is. */
  memory?: "auto" | "one" | "two";
  /** "auto": asks Linux for huge pages under the tables when the optional package lagbag-hugepages is there; stats().memory.hugePages says what came; default "auto". */
  hugePages?: "auto" | "off";
  /** Bytes of requests, windows and results, 1 MiB to 4 GiB; default: all there is (address space: only what is touched costs memory). */
  exchangeMemoryBytes?: number;
  /** Most lookups of one step, 1 (every lookup is a step of its own) to 65536; default 256. */
  maxCoalescedLookups?: number;
  /** Lookups of a class (see LookupOptions.lagClass) that may wait for a step; one more is rejected with EMBEDDING_QUEUE_FULL. 1 to 2^31 - 1; default 4096. */
  maxQueuedLookups?: number;
  /** Milliseconds after which a lookup is rejected with EMBEDDING_TIMEOUT, 1 to 2^31 - 1, or Infinity; default 30,000. */
  lookupTimeoutMs?: number;
  /** May a rank that has nothing to do pool bags for one that is behind? Default true. A bag is pooled by one thread in one order all the same: the bits stay. Without meaning with one rank. */
  workStealing?: boolean;
  /**
   * Bytes of rows that a rank takes at a time from one that is behind, 1 to 2^30; default 262,144: some tens of microseconds. Bags are never cut, so a
   * large one is taken whole. A rank shares no step of which it gathers less than twice as much.
   */
  stealUnitBytes?: number;
  /** Default: none. */
  stage?: StageOptions;
  /**
   * Hears how far loading has come: at the start and end of each table, between them every 50 ms at most. What it throws makes openEngine
   * reject. Default: none.
   */
  onProgress?: (progress: LoadProgress) => void;
}
