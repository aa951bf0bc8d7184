import { checkPlanOptions, checkPlanTables } from "./check.js";
import { checkFit } from "./fit.js";
import { keyIndexBytes } from "./key-index.js";
import { Ladder } from "./ladder.js";
import type { Layout } from "./layout.js";
import { printPlan } from "./print.js";
import { search } from "./search.js";
import type { Plan, PlanOptions, PlanTable, RankLoad, Shard, TablePlan } from "./types.js";

export type { Plan, PlanOptions, PlanTable, RankLoad, Shard, Sharding, TablePlan } from "./types.js";

/**
 * Decides which rank holds which part of which table.
 *
 * "auto" tables are balanced by the bytes that a sample gathers, whole cache lines counted, then by bytes held, within
 * the memory limits. A table stays whole unless it alone is too much for a rank; then it is cut by columns where every
 * shard gets a cache line of them, else by rows. A pure function: equal inputs give equal plans; the inputs are neither
 * kept nor changed. Takes well below a second for 1,000 tables over 64 ranks.
 *
 * Throws EmbeddingError:
 * - EMBEDDING_OPTIONS: a value is out of its limits, or two tables have one name;
 * - EMBEDDING_MEMORY_LIMIT: the tables need more bytes than totalMemoryBytes, or than all ranks together have;
 * - EMBEDDING_PLAN: they would fit in all, but a fixed sharding, or what it leaves of each rank, stands in the way.
 */
export function planTables(tables: readonly PlanTable[], options: PlanOptions): Plan {
  const limits = checkPlanOptions(options);
  const ladders = checkPlanTables(tables).map((table, index) => new Ladder(table, index, limits.ranks));
  checkFit(ladders, limits);
  const { rungs, layout } = search(ladders, limits);

  const shards = layout.pieces.map((piece, index): Shard => {
    const { table, firstRow, rowCount, firstColumn, columnCount, strideBytes, bytes } = piece;
    return { table, rank: layout.owners[index], firstRow, rowCount, firstColumn, columnCount, strideBytes, bytes };
  });
  const tablesPlanned = tablePlans(ladders, rungs);
  const load = rankLoads(layout, tablesPlanned);
  const plan: Plan = {
    ranks: limits.ranks,
    tables: tablesPlanned,
    shards,
    load,
    imbalance: {
      gatheredBytes: largestOverMean(load.map(({ gatheredBytesPerSample }) => gatheredBytesPerSample)),
      tableBytes: largestOverMean(load.map(({ tableBytes }) => tableBytes)),
    },
  };
  // Not enumerable: two plans compare, and structuredClone takes them, as the data they are.
  Object.defineProperty(plan, "toString", { value: () => printPlan(plan) });
  return deepFreeze(plan);
}

function tablePlans(ladders: readonly Ladder[], rungs: readonly number[]): TablePlan[] {
  let next = 0;
  return ladders.map((ladder, table) => {
    const { by, shards } = ladder.cut(rungs[table]);
    const first = next;
    next += shards;
    const { name, dtype, keyed, numRows, replicated } = ladder.table;
    return {
      name,
      dtype,
      by,
      shards: Array.from({ length: shards }, (_, shard) => first + shard),
      keyIndexBytes: keyed ? keyIndexBytes(numRows) : 0,
      replicated,
    };
  });
}

/** Summed anew in shard order: the layout's own sums went up and down with every move and carry its rounding. */
function rankLoads({ pieces, owners, ranks }: Layout, tables: readonly TablePlan[]): RankLoad[] {
  const nothing = { tableBytes: 0, lookupsPerSample: 0, gatheredBytesPerSample: 0 };
  const load = Array.from({ length: ranks }, (_, rank) => ({ rank, ...nothing }));
  const indexed = new Int32Array(ranks).fill(-1);
  for (const [index, piece] of pieces.entries()) {
    const rank = load[owners[index]];
    rank.tableBytes += piece.bytes;
    for (const one of piece.replicated ? load : [rank]) {
      one.lookupsPerSample += piece.lookupsPerSample / (piece.replicated ? ranks : 1);
      one.gatheredBytesPerSample += piece.gatheredBytesPerSample / (piece.replicated ? ranks : 1);
    }
    // One index for all shards of the table there; pieces come table by table.
    if (indexed[owners[index]] !== piece.table) rank.tableBytes += tables[piece.table].keyIndexBytes;
    indexed[owners[index]] = piece.table;
  }
  return load;
}

function largestOverMean(loads: readonly number[]): number {
  const sum = loads.reduce((total, load) => total + load, 0);
  return sum === 0 ? 1 : (Math.max(...loads) * loads.length) / sum;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
