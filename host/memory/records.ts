import type { AnyTableOptions, Pooling } from "../options.js";
import type { Plan } from "../plan/plan.js";
import { type RowDtype, scalesPlace, storedRow } from "../rows/rows.js";
import { LAYOUT, NO_PADDING } from "./abi.js";
import { isPartial, type MapFeature, type MemoryMap, partialKey } from "./map.js";

/** A feature with its names resolved. */
export interface EngineFeature extends MapFeature {
  name: string;
  /** Index of its table. */
  table: number;
  pooling: Pooling;
  /** Index whose rows do not count: a row, never negative, or, on a table whose indices are no rows, what lookups give; undefined: none. */
  padding: number | bigint | undefined;
  dim: number;
  /** Bytes of a packed row of its table: what a lookup of one row moves. */
  rowBytes: number;
}

/** Where a rank's jobs are, and how many. */
export interface RankJobs {
  ptr: number;
  count: number;
  /** Whether one of them writes partial sums to the windows. */
  partial: boolean;
}

/** The static records of an engine. */
export interface Records {
  jobs: RankJobs[];
  reductionCount: number;
  /** Pointers to the jobs of each shard, by shard. */
  shardJobs: number[][];
}

const POOLING_CODES: Record<Pooling, number> = {
  sum: LAYOUT.POOL_SUM,
  mean: LAYOUT.POOL_MEAN,
  max: LAYOUT.POOL_MAX,
  none: LAYOUT.POOL_NONE,
};

const FORMAT_CODES: Record<RowDtype, number> = {
  fp32: LAYOUT.ROW_FP32,
  fp16: LAYOUT.ROW_FP16,
  int8: LAYOUT.ROW_INT8,
  int4: LAYOUT.ROW_INT4,
  int2: LAYOUT.ROW_INT2,
};

/** What the records need to know of a table. */
export type MappedTable = Pick<AnyTableOptions, "numRows" | "dim" | "keys" | "missingKey" | "indexing"> & { dtype: RowDtype };

/** How a table's indices become rows: one of RESOLVE_*. */
export function resolvingOf({ keys, indexing }: Pick<AnyTableOptions, "keys" | "indexing">): number {
  if (keys !== undefined) return LAYOUT.RESOLVE_KEYS;
  return { row: LAYOUT.RESOLVE_ROW, modulo: LAYOUT.RESOLVE_MODULO, hash: LAYOUT.RESOLVE_HASH }[indexing ?? "row"];
}

/** What writeRecords needs. */
export interface RecordsInput {
  plan: Plan;
  map: MemoryMap;
  features: readonly EngineFeature[];
  tables: readonly MappedTable[];
  /** The exchange memory as 32-bit words. */
  words: Uint32Array;
}

/** Writes jobs (rank by rank) and reductions into the exchange memory, once, before any rank reads them. */
export function writeRecords(input: RecordsInput): Records {
  const { plan, map, features, words } = input;
  const put = (ptr: number, field: number, value: number): void => {
    words[(ptr + field) / 4] = value;
  };
  const jobs: RankJobs[] = [];
  const shardJobs = plan.shards.map((): number[] => []);
  let job = map.jobsPtr;
  for (let rank = 0; rank < plan.ranks; rank += 1) {
    const mine: RankJobs = { ptr: job, count: 0, partial: false };
    features.forEach((feature, index) => {
      const partial = isPartial(plan, feature);
      const table = input.tables[feature.table];
      const { numRows, dim, dtype } = table;
      const resolving = resolvingOf(table);
      const pads = feature.pooled && feature.padding !== undefined;
      const isResolved = resolving !== LAYOUT.RESOLVE_ROW;
      for (const s of plan.tables[feature.table].shards) {
        const shard = plan.shards[s];
        if (shard.rank !== rank) continue;
        const [partialByte, countsByte] = map.partials.get(partialKey(plan, index, s)) ?? [0, 0];
        put(job, LAYOUT.JOB_FEATURE, index);
        put(job, LAYOUT.JOB_POOLING, POOLING_CODES[feature.pooling]);
        put(job, LAYOUT.JOB_ROWS_PTR, map.shardPtrs[s]);
        put(job, LAYOUT.JOB_STRIDE_BYTES, shard.strideBytes);
        put(job, LAYOUT.JOB_COLUMNS, shard.columnCount);
        put(job, LAYOUT.JOB_FIRST_ROW, shard.firstRow);
        // Where indices are resolved, the numbers behind the rows stand for missing keys (a row of keyed tables) and for padding.
        const hasDefaultRow = table.keys !== undefined && shard.firstRow + shard.rowCount === numRows;
        put(job, LAYOUT.JOB_ROW_COUNT, shard.rowCount + (hasDefaultRow ? 1 : 0));
        put(job, LAYOUT.JOB_NUM_ROWS, numRows + (isResolved ? 2 : 0));
        put(job, LAYOUT.JOB_COLUMN_BYTE, shard.firstColumn * 4);
        put(job, LAYOUT.JOB_PADDING, isResolved ? (pads ? numRows + 1 : NO_PADDING) : Number(feature.padding ?? NO_PADDING));
        const filters = feature.padding !== undefined || shard.rowCount < numRows;
        put(job, LAYOUT.JOB_PREPARING, (filters ? LAYOUT.PREPARE_FILTER : 0) | (isResolved ? LAYOUT.PREPARE_RESOLVE : 0));
        put(job, LAYOUT.JOB_PARTIAL, partial ? 1 : 0);
        put(job, LAYOUT.JOB_PARTIAL_BYTE, partialByte);
        put(job, LAYOUT.JOB_COUNTS_BYTE, countsByte);
        put(job, LAYOUT.JOB_TABLE_COLUMNS, dim);
        const scales = scalesPlace(storedRow(dtype, shard.columnCount), shard.bytes);
        put(job, LAYOUT.JOB_FORMAT, FORMAT_CODES[dtype]);
        put(job, LAYOUT.JOB_SCALES_PTR, map.shardPtrs[s] + scales.offsetBytes);
        put(job, LAYOUT.JOB_SCALES_STRIDE, scales.strideBytes);
        shardJobs[s].push(job);
        put(job, LAYOUT.JOB_RESOLVING, resolving);
        put(job, LAYOUT.JOB_TABLE_ROWS, numRows);
        put(job, LAYOUT.JOB_KEYS_PTR, map.keyIndexPtrs[s]);
        put(job, LAYOUT.JOB_REFUSE_MISSING, table.missingKey === "error" ? 1 : 0);
        const paddingKey = BigInt.asUintN(64, BigInt(feature.padding ?? 0));
        put(job, LAYOUT.JOB_PADDING_KEY, Number(paddingKey & 0xffff_ffffn));
        put(job, LAYOUT.JOB_PADDING_KEY + 4, Number(paddingKey >> 32n));
        job += LAYOUT.JOB_BYTES;
        mine.count += 1;
        mine.partial ||= partial;
      }
    });
    jobs.push(mine);
  }
  return { jobs, reductionCount: writeReductions(input, put), shardJobs };
}

/** Lets the jobs of an fp16 shard use the kernel for finite halves. Before any rank reads them, when its rows are known. */
export function markFiniteHalves({ shardJobs }: Records, shard: number, words: Uint32Array): void {
  for (const job of shardJobs[shard]) words[(job + LAYOUT.JOB_FORMAT) / 4] = LAYOUT.ROW_FP16_FINITE;
}

function writeReductions(input: RecordsInput, put: (ptr: number, field: number, value: number) => void): number {
  const { plan, map, features } = input;
  let reduction = map.reductionsPtr;
  let list = map.reductionsPtr + features.length * LAYOUT.REDUCTION_BYTES;
  let count = 0;
  features.forEach((feature, index) => {
    if (!isPartial(plan, feature)) return;
    const { shards } = plan.tables[feature.table];
    put(reduction, LAYOUT.REDUCTION_FEATURE, index);
    put(reduction, LAYOUT.REDUCTION_POOLING, POOLING_CODES[feature.pooling]);
    put(reduction, LAYOUT.REDUCTION_COLUMNS, feature.dim);
    put(reduction, LAYOUT.REDUCTION_SHARD_COUNT, shards.length);
    put(reduction, LAYOUT.REDUCTION_SHARDS_PTR, list);
    for (const s of shards) {
      const [partialByte, countsByte] = map.partials.get(partialKey(plan, index, s)) ?? [0, 0];
      put(list, 0, partialByte);
      put(list, 4, countsByte);
      list += 8;
    }
    reduction += LAYOUT.REDUCTION_BYTES;
    count += 1;
  });
  return count;
}
