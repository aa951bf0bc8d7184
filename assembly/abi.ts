/**
 * The layout that kernels and host share. The host holds the same numbers in host/memory/abi.ts and compares them with
 * describeAbi() when it starts; a module that differs is refused.
 *
 * All records but the key index lie in the exchange memory. Fields are 32 bits wide where nothing else is said, pointers are absolute.
 */
import { STATUS_INDEX_RANGE, STATUS_KEY_MISSING, STATUS_OK } from "./status";

/** Raise with every change of a record or of a kernel's parameters. */
export const ABI_VERSION: i32 = 3;

// Pooling of a job.
export const POOL_SUM: u32 = 0;
export const POOL_MEAN: u32 = 1;
export const POOL_MAX: u32 = 2;
export const POOL_NONE: u32 = 3;

// How a job's rows are held.
export const ROW_FP32: u32 = 0;
export const ROW_FP16: u32 = 1;
export const ROW_INT8: u32 = 2;
export const ROW_INT4: u32 = 3;
export const ROW_INT2: u32 = 4;
/** fp16 rows without infinities and NaN, and hardly a subnormal: another kernel. */
export const ROW_FP16_FINITE: u32 = 5;
// How a job's indices become rows: as they are, modulo the table's rows, by a hash, by the table's key index.
export const RESOLVE_ROW: u32 = 0;
export const RESOLVE_MODULO: u32 = 1;
export const RESOLVE_HASH: u32 = 2;
export const RESOLVE_KEYS: u32 = 3;

// What a job does with its indices before it pools: bits.
export const PREPARE_FILTER: u32 = 1;
export const PREPARE_RESOLVE: u32 = 2;

/** Bytes that resolving needs behind the rows that it writes: a word for each key of a block. */
export const RESOLVE_LIST_BYTES: usize = 256;

/** The value of JOB_PADDING that no index has. */
export const NO_PADDING: u32 = 0xffffffff;

/**
 * Job: what a rank does for one feature with one of its shards. Written once, when the engine opens.
 *
 *    0 feature      4 pooling      8 rowsPtr     12 strideBytes  16 columns     20 firstRow   24 rowCount
 *   28 numRows     32 columnByte  36 padding     40 preparing    44 partial     48 partialByte 52 countsByte
 *   56 tableColumns 60 format
 *   64 resolving   68 tableRows    72 keysPtr      76 refuseMissing 80 paddingKey, 8 bytes
 *   88 scalesPtr   92 scalesStride
 *
 * rowsPtr, scalesPtr and keysPtr are the only pointers into the tables memory (memory 0). columnByte: where the shard's first column stands within
 * the feature's columns. preparing: PREPARE_FILTER where indices are compacted first (the shard holds a part of the rows, or padding is set),
 * PREPARE_RESOLVE where they become rows before that (resolving is not RESOLVE_ROW).
 * partial: the pooled rows are partial sums that the receiver reduces; they go to window + partialByte, their row counts
 * to window + countsByte.
 * format: one of ROW_*. scalesPtr: for int8, int4 and int2 the scale (fp32) of the shard's first row, its bias (fp32) 4 bytes on;
 * scalesStride: bytes from one row's scale to the next. Where that is strideBytes too, they lie within the rows.
 *
 * resolving: one of RESOLVE_*. Where it is not RESOLVE_ROW, indices become numbers below numRows = tableRows + 2 first: the
 * table's rows, then the row of missing keys (its values are the default row), then the number that stands for padding.
 */
export const JOB_FEATURE: usize = 0;
export const JOB_POOLING: usize = 4;
export const JOB_ROWS_PTR: usize = 8;
export const JOB_STRIDE_BYTES: usize = 12;
export const JOB_COLUMNS: usize = 16;
export const JOB_FIRST_ROW: usize = 20;
export const JOB_ROW_COUNT: usize = 24;
export const JOB_NUM_ROWS: usize = 28;
export const JOB_COLUMN_BYTE: usize = 32;
export const JOB_PADDING: usize = 36;
export const JOB_PREPARING: usize = 40;
export const JOB_PARTIAL: usize = 44;
export const JOB_PARTIAL_BYTE: usize = 48;
export const JOB_COUNTS_BYTE: usize = 52;
export const JOB_TABLE_COLUMNS: usize = 56;
export const JOB_FORMAT: usize = 60;
export const JOB_SCALES_PTR: usize = 88;
export const JOB_SCALES_STRIDE: usize = 92;
export const JOB_RESOLVING: usize = 64;
export const JOB_TABLE_ROWS: usize = 68;
export const JOB_KEYS_PTR: usize = 72;
export const JOB_REFUSE_MISSING: usize = 76;
export const JOB_PADDING_KEY: usize = 80;
export const JOB_BYTES: usize = 128;

/**
 * Piece: a run of samples of one lookup, with its copied input. Written for every step.
 *
 *    0 batchSize    4 indicesPtr   8 indexBytes  12 offsetsPtr   16 weightsPtr  20 featureMapPtr
 *   24 firstSample 28 resultPtr   32 resultStrideBytes
 *
 * indexBytes: 4 or 8. weightsPtr: 0 without weights. offsets: features * batchSize + 1, feature-major. The second line is for
 * the ranks' loop, kernels do not read it: the piece's first sample within the step, and where its rows go.
 */
export const PIECE_BATCH_SIZE: usize = 0;
export const PIECE_INDICES_PTR: usize = 4;
export const PIECE_INDEX_BYTES: usize = 8;
export const PIECE_OFFSETS_PTR: usize = 12;
export const PIECE_WEIGHTS_PTR: usize = 16;
export const PIECE_FEATURE_MAP_PTR: usize = 20;
export const PIECE_FIRST_SAMPLE: usize = 24;
export const PIECE_RESULT_PTR: usize = 28;
export const PIECE_RESULT_STRIDE_BYTES: usize = 32;
export const PIECE_BYTES: usize = 64;

/**
 * Feature map: for each feature of the engine, how a lookup picked it.
 *
 *    0 slot         4 target
 *
 * slot: its place in the lookup's feature-major input, -1 when not picked. target: pooled features: byte of its first column
 * within a row of the destination; features with pooling none: absolute pointer to its jagged values.
 */
export const FEATURE_SLOT: usize = 0;
export const FEATURE_TARGET: usize = 4;
export const FEATURE_MAP_BYTES: usize = 8;

/**
 * Error record: the lowest (slot, position) that was found bad.
 *
 *    0 status       4 slot         8 position    12 valueLow     16 valueHigh   20 limit
 */
export const ERROR_STATUS: usize = 0;
export const ERROR_SLOT: usize = 4;
export const ERROR_POSITION: usize = 8;
export const ERROR_VALUE_LOW: usize = 12;
export const ERROR_VALUE_HIGH: usize = 16;
export const ERROR_LIMIT: usize = 20;
export const ERROR_BYTES: usize = 32;

/**
 * Reduction: how a receiver adds up the partial sums of one feature.
 *
 *    0 feature      4 pooling      8 columns     12 shardCount   16 shardsPtr
 *
 * shardsPtr: shardCount pairs (partialByte, countsByte), in shard order.
 */
export const REDUCTION_FEATURE: usize = 0;
export const REDUCTION_POOLING: usize = 4;
export const REDUCTION_COLUMNS: usize = 8;
export const REDUCTION_SHARD_COUNT: usize = 12;
export const REDUCTION_SHARDS_PTR: usize = 16;
export const REDUCTION_BYTES: usize = 32;

/** Key index, in the tables memory; assembly/keys.ts draws it. */
export const INDEX_BUCKET_COUNT: usize = 0;
export const INDEX_SEED: usize = 8;
export const INDEX_BUCKETS: usize = 64;
export const BUCKET_KEYS: u32 = 5;
export const BUCKET_ROWS: usize = 40;
export const BUCKET_META: usize = 60;
export const BUCKET_BYTES: usize = 64;

function field(name: string, value: usize): string {
  return '"' + name + '":' + value.toString();
}

/** The layout as JSON: {"version":number,"features":[row formats],"layout":{name:number,...}}. Control side only: it allocates. */
export function describeAbi(): string {
  const layout: string[] = [
    field("STATUS_OK", STATUS_OK), field("STATUS_INDEX_RANGE", STATUS_INDEX_RANGE), field("STATUS_KEY_MISSING", STATUS_KEY_MISSING),
    field("POOL_SUM", POOL_SUM), field("POOL_MEAN", POOL_MEAN), field("POOL_MAX", POOL_MAX), field("POOL_NONE", POOL_NONE),
    field("ROW_FP32", ROW_FP32), field("ROW_FP16", ROW_FP16), field("ROW_INT8", ROW_INT8), field("ROW_INT4", ROW_INT4),
    field("ROW_INT2", ROW_INT2), field("ROW_FP16_FINITE", ROW_FP16_FINITE),
    field("RESOLVE_ROW", RESOLVE_ROW), field("RESOLVE_MODULO", RESOLVE_MODULO), field("RESOLVE_HASH", RESOLVE_HASH),
    field("PREPARE_FILTER", PREPARE_FILTER), field("PREPARE_RESOLVE", PREPARE_RESOLVE),
    field("RESOLVE_KEYS", RESOLVE_KEYS), field("RESOLVE_LIST_BYTES", RESOLVE_LIST_BYTES),
    field("JOB_FEATURE", JOB_FEATURE), field("JOB_POOLING", JOB_POOLING), field("JOB_ROWS_PTR", JOB_ROWS_PTR),
    field("JOB_STRIDE_BYTES", JOB_STRIDE_BYTES), field("JOB_COLUMNS", JOB_COLUMNS), field("JOB_FIRST_ROW", JOB_FIRST_ROW),
    field("JOB_ROW_COUNT", JOB_ROW_COUNT), field("JOB_NUM_ROWS", JOB_NUM_ROWS), field("JOB_COLUMN_BYTE", JOB_COLUMN_BYTE),
    field("JOB_PADDING", JOB_PADDING), field("JOB_PREPARING", JOB_PREPARING), field("JOB_PARTIAL", JOB_PARTIAL),
    field("JOB_PARTIAL_BYTE", JOB_PARTIAL_BYTE), field("JOB_COUNTS_BYTE", JOB_COUNTS_BYTE),
    field("JOB_TABLE_COLUMNS", JOB_TABLE_COLUMNS),
    field("JOB_FORMAT", JOB_FORMAT), field("JOB_SCALES_PTR", JOB_SCALES_PTR), field("JOB_SCALES_STRIDE", JOB_SCALES_STRIDE),
    field("JOB_RESOLVING", JOB_RESOLVING), field("JOB_TABLE_ROWS", JOB_TABLE_ROWS), field("JOB_KEYS_PTR", JOB_KEYS_PTR),
    field("JOB_REFUSE_MISSING", JOB_REFUSE_MISSING), field("JOB_PADDING_KEY", JOB_PADDING_KEY), field("JOB_BYTES", JOB_BYTES),
    field("PIECE_BATCH_SIZE", PIECE_BATCH_SIZE), field("PIECE_INDICES_PTR", PIECE_INDICES_PTR),
    field("PIECE_INDEX_BYTES", PIECE_INDEX_BYTES), field("PIECE_OFFSETS_PTR", PIECE_OFFSETS_PTR),
    field("PIECE_WEIGHTS_PTR", PIECE_WEIGHTS_PTR), field("PIECE_FEATURE_MAP_PTR", PIECE_FEATURE_MAP_PTR),
    field("PIECE_FIRST_SAMPLE", PIECE_FIRST_SAMPLE), field("PIECE_RESULT_PTR", PIECE_RESULT_PTR),
    field("PIECE_RESULT_STRIDE_BYTES", PIECE_RESULT_STRIDE_BYTES), field("PIECE_BYTES", PIECE_BYTES),
    field("FEATURE_SLOT", FEATURE_SLOT), field("FEATURE_TARGET", FEATURE_TARGET), field("FEATURE_MAP_BYTES", FEATURE_MAP_BYTES),
    field("ERROR_STATUS", ERROR_STATUS), field("ERROR_SLOT", ERROR_SLOT), field("ERROR_POSITION", ERROR_POSITION),
    field("ERROR_VALUE_LOW", ERROR_VALUE_LOW), field("ERROR_VALUE_HIGH", ERROR_VALUE_HIGH), field("ERROR_LIMIT", ERROR_LIMIT),
    field("ERROR_BYTES", ERROR_BYTES),
    field("REDUCTION_FEATURE", REDUCTION_FEATURE), field("REDUCTION_POOLING", REDUCTION_POOLING),
    field("REDUCTION_COLUMNS", REDUCTION_COLUMNS), field("REDUCTION_SHARD_COUNT", REDUCTION_SHARD_COUNT),
    field("REDUCTION_SHARDS_PTR", REDUCTION_SHARDS_PTR), field("REDUCTION_BYTES", REDUCTION_BYTES),
    field("INDEX_BUCKET_COUNT", INDEX_BUCKET_COUNT), field("INDEX_SEED", INDEX_SEED), field("INDEX_BUCKETS", INDEX_BUCKETS),
    field("BUCKET_KEYS", BUCKET_KEYS), field("BUCKET_ROWS", BUCKET_ROWS), field("BUCKET_META", BUCKET_META),
    field("BUCKET_BYTES", BUCKET_BYTES),
  ];
  return '{"version":' + ABI_VERSION.toString() + ',"features":["fp32","fp16","int8","int4","int2"],"layout":{' + layout.join(",") + "}}";
}
