import { EmbeddingError } from "../errors.js";
import { ROW_DTYPES } from "../rows/rows.js";

/** The version of the kernel module that this host speaks with; assembly/abi.ts has the same number. */
export const ABI_VERSION = 3;

/** Byte offsets and constants shared with the kernels; the drawings are in assembly/abi.ts. */
export const LAYOUT = {
  STATUS_OK: 0,
  STATUS_INDEX_RANGE: 1,
  STATUS_KEY_MISSING: 2,
  POOL_SUM: 0,
  POOL_MEAN: 1,
  POOL_MAX: 2,
  POOL_NONE: 3,
  ROW_FP32: 0,
  ROW_FP16: 1,
  ROW_INT8: 2,
  ROW_INT4: 3,
  ROW_INT2: 4,
  ROW_FP16_FINITE: 5,
  PREPARE_FILTER: 1,
  PREPARE_RESOLVE: 2,
  RESOLVE_ROW: 0,
  RESOLVE_MODULO: 1,
  RESOLVE_HASH: 2,
  RESOLVE_KEYS: 3,
  RESOLVE_LIST_BYTES: 256,
  JOB_FEATURE: 0,
  JOB_POOLING: 4,
  JOB_ROWS_PTR: 8,
  JOB_STRIDE_BYTES: 12,
  JOB_COLUMNS: 16,
  JOB_FIRST_ROW: 20,
  JOB_ROW_COUNT: 24,
  JOB_NUM_ROWS: 28,
  JOB_COLUMN_BYTE: 32,
  JOB_PADDING: 36,
  JOB_PREPARING: 40,
  JOB_PARTIAL: 44,
  JOB_PARTIAL_BYTE: 48,
  JOB_COUNTS_BYTE: 52,
  JOB_TABLE_COLUMNS: 56,
  JOB_FORMAT: 60,
  JOB_RESOLVING: 64,
  JOB_TABLE_ROWS: 68,
  JOB_KEYS_PTR: 72,
  JOB_REFUSE_MISSING: 76,
  JOB_PADDING_KEY: 80,
  JOB_SCALES_PTR: 88,
  JOB_SCALES_STRIDE: 92,
  JOB_BYTES: 128,
  PIECE_BATCH_SIZE: 0,
  PIECE_INDICES_PTR: 4,
  PIECE_INDEX_BYTES: 8,
  PIECE_OFFSETS_PTR: 12,
  PIECE_WEIGHTS_PTR: 16,
  PIECE_FEATURE_MAP_PTR: 20,
  PIECE_FIRST_SAMPLE: 24,
  PIECE_RESULT_PTR: 28,
  PIECE_RESULT_STRIDE_BYTES: 32,
  PIECE_BYTES: 64,
  FEATURE_SLOT: 0,
  FEATURE_TARGET: 4,
  FEATURE_MAP_BYTES: 8,
  ERROR_STATUS: 0,
  ERROR_SLOT: 4,
  ERROR_POSITION: 8,
  ERROR_VALUE_LOW: 12,
  ERROR_VALUE_HIGH: 16,
  ERROR_LIMIT: 20,
  ERROR_BYTES: 32,
  REDUCTION_FEATURE: 0,
  REDUCTION_POOLING: 4,
  REDUCTION_COLUMNS: 8,
  REDUCTION_SHARD_COUNT: 12,
  REDUCTION_SHARDS_PTR: 16,
  REDUCTION_BYTES: 32,
  INDEX_BUCKET_COUNT: 0,
  INDEX_SEED: 8,
  INDEX_BUCKETS: 64,
  BUCKET_KEYS: 5,
  BUCKET_ROWS: 40,
  BUCKET_META: 60,
  BUCKET_BYTES: 64,
} as const;

/** The padding of a job without padding: no index has this value. */
export const NO_PADDING = 0xffffffff;

/** Bytes at the start of every tables memory that belong to the module's static data. */
export const STATIC_BYTES = 65536;

/** Bytes of a row of partial sums in a window: whole vectors of 4 floats. */
export function partialRowBytes(columns: number): number {
  return Math.ceil(columns / 4) * 16;
}

/** Raw kernel exports, called with numbers only. Pointers are unsigned 32-bit, counts non-negative; see assembly/piece.ts, message.ts, keys.ts and resolve.ts. */
export interface KernelExports {
  findKey(index: number, key: number): number;
  insertKeys(index: number, keys: number, count: number, firstRow: number, maxBuckets: number): number;
  resolveRows(job: number, indices: number, indexBytes: number, count: number, out: number): number;
  checkOffsets(offsets: number, count: number, indexCount: number): number;
  poolPiece(
    jobs: number,
    jobCount: number,
    piece: number,
    firstBag: number,
    bags: number,
    dest: number,
    destStride: number,
    window: number,
    windowRow: number,
    scratch: number,
    error: number,
  ): number;
  reducePiece(
    reductions: number,
    reductionCount: number,
    piece: number,
    bags: number,
    window: number,
    windowRow: number,
    dest: number,
    destStride: number,
  ): void;
  takeGatheredRows(): number;
}

/**
 * Compares what a module says of itself with what this host expects.
 * @throws EmbeddingError EMBEDDING_ABI with the first difference
 */
export function checkAbi(description: string, path: string): void {
  let got: { version?: unknown; features?: readonly unknown[]; layout?: Record<string, unknown> };
  try {
    got = JSON.parse(description) as typeof got;
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_ABI", `${path}: the module's ABI description is no JSON: ${description.slice(0, 80)}`, { cause });
  }
  if (got.version !== ABI_VERSION) {
    throw new EmbeddingError(
      "EMBEDDING_ABI",
      `${path}: got ABI version ${String(got.version)}, expected ${ABI_VERSION}; run npm run build`,
      {
        got: got.version,
        expected: ABI_VERSION,
      },
    );
  }
  const missing = ROW_DTYPES.find((dtype) => got.features?.includes(dtype) !== true);
  if (missing !== undefined) {
    throw new EmbeddingError(
      "EMBEDDING_ABI",
      `${path}: got no row format ${missing}, expected ${ROW_DTYPES.join(", ")}; run npm run build`,
      {
        got: got.features,
        expected: ROW_DTYPES,
      },
    );
  }
  for (const [name, expected] of Object.entries(LAYOUT)) {
    const value = got.layout?.[name];
    if (value !== expected) {
      throw new EmbeddingError("EMBEDDING_ABI", `${path}: got ${name} = ${String(value)}, expected ${expected}; run npm run build`, {
        got: value,
        expected,
      });
    }
  }
}
