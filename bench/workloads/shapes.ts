import { formatCount } from "../text-table.js";
import { type FullShape, scaleToFit } from "./scale.js";
import type { WorkloadShape } from "./workload.js";

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

/** W2: every row is a copy. */
export function singleRows({ quick }: { quick: boolean }): WorkloadShape {
  return {
    name: "w2",
    title: "26 tables of 100,000 x 16 fp32, batch 2,048, one lookup a feature, uniform",
    tables: Array.from({ length: 26 }, () => ({ numRows: 100_000, dim: 16 })),
    batchSize: 2048,
    bagSize: 1,
    batchCount: quick ? 16 : 64,
  };
}

const W3: FullShape = {
  name: "w3",
  what: "8 tables of 1M x 128, batch 256, 80 lookups, uniform",
  tables: Array.from({ length: 8 }, () => ({ numRows: 1_000_000, dim: 128 })),
  batchSize: 256,
  bagSize: 80,
};

/** W3: large bags of long rows out of more memory than translation look-aside buffers cover. Batches gather 84 MB of rows each. */
export function longRows(maxBytes: number): WorkloadShape {
  return scaleToFit(W3, maxBytes);
}

/** W4: W1 with a few rows that are wanted again and again. */
export function skewedRows(options: { quick: boolean }): WorkloadShape {
  return {
    ...manyRows(options),
    name: "w4",
    title: "1,000,000 x 64 fp32, 512 bags of 32 rows, Zipf 1.05",
    draw: { kind: "zipf", exponent: 1.05 },
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
