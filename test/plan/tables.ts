/** Table sets for the planner's tests: the public shapes (design 3) and seeded random ones. */
import type { PlanTable, Sharding } from "#host/plan/plan.js";
import { type Random, seededRandom } from "../cases.js";

export const GIB = 2 ** 30;

/** `count` tables of one size. */
export function equalTables(count: number, table: Omit<PlanTable, "name">): PlanTable[] {
  return Array.from({ length: count }, (_, index) => ({ name: `t${index}`, ...table }));
}

/** Criteo Kaggle: one lookup a table; the five largest of 26 hold 98 % of the rows. */
export function criteoKaggle(): PlanTable[] {
  const rows = [
    1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18,
    15, 286181, 105, 142572,
  ];
  return rows.map((numRows, index) => ({ name: `c${index}`, numRows, dim: 16 }));
}

/** MLPerf inference DLRMv2: 97.4 GiB; table 20 alone has 100 of 214 lookups. */
export function mlperfDlrm(sharding: Sharding = "auto"): PlanTable[] {
  const rows = [
    40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14, 40000000, 40000000,
    40000000, 590152, 12973, 108, 36,
  ];
  const hots = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1];
  return rows.map((numRows, index) => ({ name: `m${index}`, numRows, dim: 128, lookupsPerSample: hots[index], sharding }));
}

const RANDOM_DIMS = [1, 4, 16, 20, 32, 64, 100, 128, 300];
const FIXED_WAYS = ["table", "row", "column"] as const;
const MOST_TABLES = 30;
const MOST_RANKS = 16;

export interface RandomSet {
  tables: PlanTable[];
  ranks: number;
}

/** Random tables and ranks; `fixed` is the part of the tables whose sharding is not "auto". */
export function randomSet(seed: number, fixed: number): RandomSet {
  const random = seededRandom(seed);
  const count = between(random, 1, MOST_TABLES);
  const tables = Array.from({ length: count }, (_, index) => {
    const numRows = Math.ceil(10 ** (7 * random()));
    const dim = RANDOM_DIMS[between(random, 0, RANDOM_DIMS.length - 1)];
    const lookupsPerSample = random() < 0.1 ? 0 : Math.exp(6 * random() - 2);
    const sharding = random() < fixed ? fixedSharding(random, { numRows, dim }) : "auto";
    return { name: `table ${index}`, numRows, dim, lookupsPerSample, sharding };
  });
  return { tables, ranks: between(random, 1, MOST_RANKS) };
}

function fixedSharding(random: Random, { numRows, dim }: { numRows: number; dim: number }): Sharding {
  const by = FIXED_WAYS[between(random, 0, FIXED_WAYS.length - 1)];
  if (random() < 0.5) return by;
  const most = { table: 1, row: Math.min(numRows, 2 * MOST_RANKS), column: Math.min(dim, 2 * MOST_RANKS) }[by];
  return { by, shards: between(random, 1, most) };
}

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
