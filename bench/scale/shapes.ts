import { formatCount } from "../text-table.js";
import { DLRM_V2_HOTS, DLRM_V2_ROWS } from "../workloads/public-shapes.js";
import type { WorkloadShape } from "../workloads/workload.js";

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
export function dlrmV2({ scaleDown, quick }: { scaleDown: number; quick: boolean }): WorkloadShape {
  const tables = DLRM_V2_ROWS.map((full, table) => ({ numRows: Math.ceil(full / scaleDown), dim: 128, bagSize: DLRM_V2_HOTS[table] }));
  const rows = tables.reduce((sum, { numRows }) => sum + numRows, 0);
  return {
    name: "stealing",
    title: `MLPerf DLRMv2, row counts divided by ${scaleDown}: 26 whole tables, ${formatCount(rows)} rows x 128 fp32 (${((rows * 512) / 2 ** 30).toFixed(2)} GiB), batch 256, 214 lookups a sample, uniform`,
    tables,
    batchSize: 256,
    bagSize: 1,
    batchCount: quick ? 4 : 12,
  };
}
