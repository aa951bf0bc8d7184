import { partSeed, seededRandom } from "../random.js";
import type { FullShape } from "./scale.js";

/** Rows of the 26 tables of DLRM's Criteo Kaggle model: five hold 98 % of the 33,762,577. */
export const CRITEO_KAGGLE_ROWS = [
  1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18, 15,
  286181, 105, 142572,
] as const;

/** MLPerf inference DLRMv2: Criteo 1TB, multi-hot, 97.4 GiB of fp32. */
export const DLRM_V2_ROWS = [
  40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14, 40000000, 40000000,
  40000000, 590152, 12973, 108, 36,
] as const;
/** Its lookups a sample, table by table: 214. */
export const DLRM_V2_HOTS = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1] as const;

/** Cardinalities of the features of Ali-CCP, by Merlin's schema. */
const ALI_CCP_ROWS = [
  294736, 3078306, 8581, 604498, 208179, 96258, 116741, 98, 14, 3, 8, 4, 4, 3, 5, 33786, 58015, 6086, 7735, 384343, 142632, 74317, 4,
] as const;

/** Meta's traces name no row counts or dims of their own: a few tables of this size stand for the 788. */
const META_TABLES = 16;
const META_ROWS = 1_000_000;
const META_DIM = 64;
const META_MEAN_POOLING = 13.6;

const alike = (count: number, table: { numRows: number; dim: number }): FullShape["tables"] => Array.from({ length: count }, () => table);

/** The shapes of published models at full size, by the names that filters pick. */
export const PUBLIC_SHAPES = {
  criteo: {
    name: "criteo",
    what: "Criteo Kaggle: 26 tables x 16, batch 2,048, one lookup a feature, uniform",
    tables: CRITEO_KAGGLE_ROWS.map((numRows) => ({ numRows, dim: 16 })),
    batchSize: 2048,
    bagSize: 1,
  },
  dlrmv2: {
    name: "dlrmv2",
    what: "MLPerf DLRMv2: 26 tables x 128, batch 256, 214 lookups a sample, Zipf 1.05",
    tables: DLRM_V2_ROWS.map((numRows, table) => ({ numRows, dim: 128, bagSize: DLRM_V2_HOTS[table] })),
    batchSize: 256,
    bagSize: 1,
    draw: { kind: "zipf", exponent: 1.05 },
  },
  rm1: {
    name: "rm1",
    what: "DeepRecSys RM1: 8 tables of 4M x 32, batch 256, 80 lookups, uniform",
    tables: alike(8, { numRows: 4_000_000, dim: 32 }),
    batchSize: 256,
    bagSize: 80,
  },
  rm2: {
    name: "rm2",
    what: "DeepRecSys RM2: 32 tables of 500k x 64, batch 64, 120 lookups, uniform",
    tables: alike(32, { numRows: 500_000, dim: 64 }),
    batchSize: 64,
    bagSize: 120,
  },
  rm3: {
    name: "rm3",
    what: "DeepRecSys RM3: 10 tables of 2M x 32, batch 512, 20 lookups, uniform",
    tables: alike(10, { numRows: 2_000_000, dim: 32 }),
    batchSize: 512,
    bagSize: 20,
  },
  aliccp: {
    name: "aliccp",
    what: "Ali-CCP: 23 tables x 16, batch 2,048, one lookup a feature, uniform",
    tables: ALI_CCP_ROWS.map((numRows) => ({ numRows, dim: 16 })),
    batchSize: 2048,
    bagSize: 1,
  },
} as const satisfies Record<string, FullShape>;

/**
 * Skew as in Meta's embedding-bag traces: rows by the traces' reuse bins, and pooling that differs from table to table, exponentially
 * distributed about their mean of 13.6.
 */
export function metaTrace(seed: number): FullShape {
  const random = seededRandom(partSeed(seed, META_TABLES));
  // The same quantiles for every seed, in another order: the mean stays.
  const poolings = Array.from({ length: META_TABLES }, (_, n) =>
    Math.max(1, Math.round(-META_MEAN_POOLING * Math.log(1 - (n + 0.5) / META_TABLES))),
  );
  for (let n = poolings.length - 1; n > 0; n -= 1) {
    const other = Math.floor(random() * (n + 1));
    [poolings[n], poolings[other]] = [poolings[other], poolings[n]];
  }
  return {
    name: "meta",
    what: `Meta's embedding-bag traces: ${META_TABLES} tables of 1M x ${META_DIM}, batch 256, pooling ${Math.min(...poolings)} to ${Math.max(...poolings)}, rows by reuse bins`,
    tables: poolings.map((bagSize) => ({ numRows: META_ROWS, dim: META_DIM, bagSize })),
    batchSize: 256,
    bagSize: Math.round(META_MEAN_POOLING),
    draw: { kind: "reuse" },
  };
}
