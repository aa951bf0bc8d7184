import { formatCount } from "../text-table.js";
import type { WorkloadShape } from "./workload.js";

/** Rows of the 26 tables of DLRM's Criteo Kaggle model: five hold 98 % of the 33,762,577. */
const CRITEO_KAGGLE_ROWS = [
  1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18, 15,
  286181, 105, 142572,
];

/** W1 of the project's workloads: one large table, large bags. Batches gather 4.2 MB of rows each. */
export function manyRows({ quick }: { quick: boolean }): WorkloadShape {
  return {
    name: "w1",
    title: "1,000,000 x 64 fp32, 512 bags of 32 rows, uniform",
    tables: [{ numRows: 1_000_000, dim: 64 }],
    batchSize: 512,
    bagSize: 32,
    batchCount: quick ? 24 : 48,
  };
}

/** Criteo Kaggle, every table scaled down by `scaleDown`. Batches gather 3.4 MB of rows each, most of them from tables that fit a cache. */
export function criteoKaggle({ quick, scaleDown }: { quick: boolean; scaleDown: number }): WorkloadShape {
  const tables = CRITEO_KAGGLE_ROWS.map((full) => ({ numRows: Math.ceil(full / scaleDown), dim: 16 }));
  const rows = tables.reduce((sum, { numRows }) => sum + numRows, 0);
  const scale = scaleDown === 1 ? "full size" : `rows scaled down by ${scaleDown}`;
  return {
    name: "criteo",
    title: `Criteo Kaggle, ${scale}: 26 tables, ${formatCount(rows)} rows x 16 fp32 (${((rows * 64) / 2 ** 30).toFixed(2)} GiB), batch 2,048, one lookup a feature, uniform`,
    tables,
    batchSize: 2048,
    bagSize: 1,
    batchCount: quick ? 24 : 64,
  };
}

/** W5: one sample at a time, 1,664 bytes of rows each, always another one. */
export function oneSample({ quick }: { quick: boolean }): WorkloadShape {
  const numRows = quick ? 20_000 : 100_000;
  return {
    name: "sample",
    title: `one sample, 26 tables of ${formatCount(numRows)} x 16 fp32, one lookup a feature, uniform: latency`,
    tables: Array.from({ length: 26 }, () => ({ numRows, dim: 16 })),
    batchSize: 1,
    bagSize: 1,
    batchCount: quick ? 4096 : 65_536,
  };
}
