import { fillElements, partSeed, seededRandom } from "../random.js";
import { formatCount } from "../text-table.js";
import type { Workload, WorkloadShape } from "../workloads/workload.js";

/** MLPerf inference DLRMv2: Criteo 1TB, multi-hot. Rows, and lookups a sample (214), table by table. */
const DLRM_V2_ROWS = [
  40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14, 40000000, 40000000,
  40000000, 590152, 12973, 108, 36,
];
const DLRM_V2_HOTS = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1];
const DLRM_V2_DIM = 128;
const DLRM_V2_BATCH = 256;

/** W3 with its row counts divided. Batches gather 84 MB of rows each. */
export function longRows({ scaleDown, quick }: { scaleDown: number; quick: boolean }): WorkloadShape {
  const numRows = Math.ceil(1_000_000 / scaleDown);
  return {
    name: "w3",
    title: `8 tables of ${formatCount(numRows)} x 128 fp32${scaleDown === 1 ? "" : ` (1M divided by ${scaleDown})`}, batch 256, 80 lookups, uniform`,
    tables: Array.from({ length: 8 }, () => ({ numRows, dim: 128 })),
    batchSize: 256,
    bagSize: 80,
    batchCount: quick ? 2 : 4,
  };
}

/** The DLRMv2 shape, row counts divided, rows drawn uniformly. */
export function dlrmV2({ scaleDown, quick, seed }: { scaleDown: number; quick: boolean; seed: number }): Workload {
  const tables = DLRM_V2_ROWS.map((full) => ({ numRows: Math.ceil(full / scaleDown), dim: DLRM_V2_DIM }));
  const bags = DLRM_V2_HOTS.flatMap((hot) => new Array<number>(DLRM_V2_BATCH).fill(hot));
  const offsets = new Int32Array(bags.length + 1);
  for (const [bag, rows] of bags.entries()) offsets[bag + 1] = offsets[bag] + rows;
  const rowsPerBatch = offsets[bags.length];
  const random = seededRandom(seed);
  const batches = Array.from({ length: quick ? 4 : 12 }, () => {
    const indices = new Int32Array(rowsPerBatch);
    for (const [table, { numRows }] of tables.entries()) {
      const end = offsets[(table + 1) * DLRM_V2_BATCH];
      for (let n = offsets[table * DLRM_V2_BATCH]; n < end; n += 1) indices[n] = Math.floor(random() * numRows);
    }
    return { batchSize: DLRM_V2_BATCH, indices, offsets };
  });
  const rows = tables.reduce((sum, { numRows }) => sum + numRows, 0);
  return {
    name: "stealing",
    title: `MLPerf DLRMv2, row counts divided by ${scaleDown}: 26 whole tables, ${formatCount(rows)} rows x 128 fp32 (${((rows * 512) / 2 ** 30).toFixed(2)} GiB), batch 256, 214 lookups a sample, uniform`,
    tables,
    batchSize: DLRM_V2_BATCH,
    bagSize: 1,
    batchCount: batches.length,
    seededTables: tables.map((table, index) => {
      const own = partSeed(seed, index);
      return {
        ...table,
        name: `t${index}`,
        rows: (first, count, out) => fillElements(own, first * table.dim, out.subarray(0, count * table.dim)),
      };
    }),
    batches,
    rowsPerBatch,
    bytesPerBatch: rowsPerBatch * DLRM_V2_DIM * 4,
  };
}

/** Lookups a sample, table by table: what a planner that was told would know. */
export function dlrmV2Hots(): readonly number[] {
  return DLRM_V2_HOTS;
}
