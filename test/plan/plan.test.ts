import { describe, expect, it } from "@jest/globals";
import { type Plan, planTables, type Shard } from "#host/plan/plan.js";
import { storedRow } from "#host/rows/rows.js";
import { type RandomSet, randomSet } from "./tables.js";

const SETS = 300;
const FIXED_PART = 0.4;
const CACHE_LINE_BYTES = 64;
/** Sums of the same floats in another order. */
const DIGITS = 6;

const sets: RandomSet[] = Array.from({ length: SETS }, (_, seed) => randomSet(seed, seed % 2 === 0 ? 0 : FIXED_PART));
const plans: { set: RandomSet; plan: Plan }[] = sets.map((set) => ({ set, plan: planTables(set.tables, { ranks: set.ranks }) }));

const shardsOf = (plan: Plan, table: number): Shard[] => plan.tables[table].shards.map((index) => plan.shards[index]);
const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

function isDeepFrozen(value: unknown): boolean {
  return typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeepFrozen));
}

describe("planTables over random tables", () => {
  it("tiles every table exactly, in row or column order", () => {
    for (const { set, plan } of plans) {
      const tiled = set.tables.map((_, table) => {
        const shards = shardsOf(plan, table);
        const byRow = plan.tables[table].by === "row";
        const meeting = shards.filter(({ firstRow, rowCount, firstColumn, columnCount }, index) => {
          const before = shards[index - 1] ?? { firstRow: 0, rowCount: 0, firstColumn: 0, columnCount: 0 };
          const nextRow = byRow ? before.firstRow + before.rowCount : 0;
          const nextColumn = byRow ? 0 : before.firstColumn + before.columnCount;
          return firstRow === nextRow && firstColumn === nextColumn && rowCount > 0 && columnCount > 0;
        });
        const area = total(shards.map(({ rowCount, columnCount }) => rowCount * columnCount));
        return { meeting: meeting.length, area };
      });
      expect(tiled).toEqual(
        set.tables.map(({ numRows, dim }, table) => ({ meeting: plan.tables[table].shards.length, area: numRows * dim })),
      );
    }
  });

  it("lists every shard under its table, and once", () => {
    for (const { set, plan } of plans) {
      expect(plan.tables.map(({ name }) => name)).toEqual(set.tables.map(({ name }) => name));
      expect(plan.tables.flatMap(({ shards }) => shards)).toEqual([...plan.shards.keys()]);
      expect(plan.shards.map(({ table }) => table)).toEqual(plan.tables.flatMap(({ shards }, table) => shards.map(() => table)));
    }
  });

  it("calls a table cut exactly where it has several shards", () => {
    for (const { by, shards } of plans.flatMap(({ plan }) => plan.tables)) expect(by === "table").toBe(shards.length === 1);
  });

  it("says what every shard takes, row padding included", () => {
    for (const { plan } of plans) {
      const strides = plan.shards.map(({ columnCount }) => storedRow("fp32", columnCount).strideBytes);
      expect(plan.shards.map(({ strideBytes }) => strideBytes)).toEqual(strides);
      expect(plan.shards.map(({ bytes }) => bytes)).toEqual(plan.shards.map(({ rowCount }, shard) => rowCount * strides[shard]));
    }
  });

  it("keeps the shards of a table on different ranks while there are ranks enough", () => {
    for (const { set, plan } of plans) {
      const owners = set.tables.map((_, table) => shardsOf(plan, table).map(({ rank }) => rank));
      expect(owners.flat().every((rank) => rank >= 0 && rank < set.ranks)).toBe(true);
      const spread = owners.filter(({ length }) => length <= set.ranks);
      expect(spread.map((ranks) => new Set(ranks).size)).toEqual(spread.map(({ length }) => length));
    }
  });

  it("predicts for every rank what its shards add up to", () => {
    for (const { set, plan } of plans) {
      const sums = Array.from({ length: set.ranks }, (_, rank) => ({ rank, tableBytes: 0, lookups: 0, gatheredBytes: 0 }));
      for (const { table, rank, rowCount, strideBytes, bytes } of plan.shards) {
        const { numRows, lookupsPerSample = 1 } = set.tables[table];
        const lookups = (lookupsPerSample * rowCount) / numRows;
        sums[rank].tableBytes += bytes;
        sums[rank].lookups += lookups;
        sums[rank].gatheredBytes += lookups * Math.max(CACHE_LINE_BYTES, strideBytes);
      }
      expect(plan.load).toEqual(
        sums.map(({ rank, tableBytes, lookups, gatheredBytes }) => ({
          rank,
          tableBytes,
          lookupsPerSample: expect.closeTo(lookups, DIGITS),
          gatheredBytesPerSample: expect.closeTo(gatheredBytes, DIGITS),
        })),
      );
    }
  });

  it("gives as imbalance the largest load over the mean", () => {
    for (const { plan } of plans) {
      const gathered = plan.load.map(({ gatheredBytesPerSample }) => gatheredBytesPerSample);
      const held = plan.load.map(({ tableBytes }) => tableBytes);
      const sum = total(gathered);
      expect(plan.imbalance.gatheredBytes).toBeCloseTo(sum === 0 ? 1 : (Math.max(...gathered) / sum) * plan.ranks, DIGITS);
      expect(plan.imbalance.tableBytes).toBeCloseTo((Math.max(...held) / total(held)) * plan.ranks, DIGITS);
    }
  });

  it("gives equal plans for equal inputs, whichever objects they are, and leaves those as they were", () => {
    for (const { set, plan } of plans) {
      const frozen = deepFreeze(structuredClone(set.tables));
      const again = planTables(frozen, Object.freeze({ ranks: set.ranks }));
      // As text, for speed: jest takes ten times as long to compare 10,000 shards as objects.
      expect(JSON.stringify(again)).toBe(JSON.stringify(plan));
    }
  });

  it("fits tables that it may cut itself into 5 % more memory than they need", () => {
    const slack = 1.05;
    for (const { set, plan } of plans.filter(({ set }) => set.tables.every(({ sharding }) => sharding === "auto"))) {
      const largestRow = Math.max(...set.tables.map(({ dim }) => storedRow("fp32", dim).strideBytes));
      const needed = total(plan.load.map(({ tableBytes }) => tableBytes));
      // Rows do not divide evenly: each table may leave one too many on a rank.
      const rankMemoryBytes = Math.ceil((slack * needed) / set.ranks) + set.tables.length * largestRow;
      const tight = planTables(set.tables, { ranks: set.ranks, rankMemoryBytes, totalMemoryBytes: needed });
      expect(Math.max(...tight.load.map(({ tableBytes }) => tableBytes))).toBeLessThanOrEqual(rankMemoryBytes);
      expect(total(tight.load.map(({ tableBytes }) => tableBytes))).toBe(needed);
    }
  });

  it("never balances gathered bytes worse than whole tables would be", () => {
    for (const { set, plan } of plans.filter(({ set }) => set.tables.every(({ sharding }) => sharding === "auto"))) {
      const whole = planTables(
        set.tables.map((table) => ({ ...table, sharding: "table" as const })),
        { ranks: set.ranks },
      );
      // Below 1.125 the planner does not cut, and within 1 % it prefers even memory.
      expect(plan.imbalance.gatheredBytes).toBeLessThanOrEqual(Math.max(1.125, 1.02 * whole.imbalance.gatheredBytes));
    }
  });
});

describe("a plan", () => {
  const plan = planTables(sets[1].tables, { ranks: sets[1].ranks });

  it("is frozen all through", () => {
    expect(isDeepFrozen(plan)).toBe(true);
  });

  it("is plain data that survives structuredClone and JSON", () => {
    expect(structuredClone(plan)).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(Object.keys(plan)).toEqual(["ranks", "tables", "shards", "load", "imbalance"]);
  });

  it("over no tables is empty and balanced", () => {
    const empty = planTables([], { ranks: 2 });
    expect(empty).toMatchObject({ tables: [], shards: [], imbalance: { gatheredBytes: 1, tableBytes: 1 } });
    expect(empty.load).toHaveLength(2);
  });
});
