import { describe, expect, it } from "@jest/globals";
import { type Engine, type EngineOptions, type LookupBatch, openEngine } from "lagbag";
import { randomBatch, randomTable, seededRandom } from "../cases.js";
import { bits, withEngine } from "./open.js";
import type { StageProgram } from "./stages/linear.js";

const MODULE = new URL("./stages/linear.js", import.meta.url);
const random = seededRandom(23);
const TABLES = ["a", "b"].map((name, n) => ({ name, ...randomTable(random, { numRows: 40, dim: [4, 9][n] }) }));
const RANKS = 3;
/** Decisions take turns with the caller's other work, so how many runs they take is not fixed; this many would be a hang. */
const MOST_TURNS = 100;
/** Each rank late in turn, then none, then all at random: what makes a bound that is learned go up and down. */
const DELAYS_MS = [[2, 0, 0], [0, 2, 0], [0, 0, 2], ...Array.from({ length: 30 }, () => [0, 0, 0])];

function options(more: Partial<EngineOptions>, program: StageProgram = {}): EngineOptions {
  return {
    tables: TABLES.map((table) => ({ ...table, sharding: "column" as const })),
    ranks: RANKS,
    exchangeMemoryBytes: 64 * 2 ** 20,
    maxCoalescedLookups: 1,
    stage: { module: MODULE, options: program },
    ...more,
  };
}

function batches(count: number): LookupBatch[] {
  const tables = new Map(TABLES.map((table) => [table.name, table]));
  const features = TABLES.map(({ name }) => ({ name, table: name, pooling: "sum" as const }));
  return Array.from({ length: count }, (_, n) => randomBatch(random, { batchSize: 1 + (n % 5), tables, features }));
}

/** Looks up all batches with `inFlight` lookups under way. */
async function run(engine: Engine, work: readonly LookupBatch[], inFlight = 96): Promise<number[][]> {
  const results: number[][] = new Array(work.length);
  let next = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < work.length) {
        const n = next;
        next += 1;
        const result = await engine.lookup(work[n]);
        results[n] = bits(result.values);
        result.release();
      }
    }),
  );
  return results;
}

describe('lagBound "auto"', () => {
  it("gives the bits of every fixed bound while the bound goes up and down", async () => {
    const work = batches(200);
    const fixed = await withEngine(options({ lagBound: 0 }), (engine) => run(engine, work));
    await withEngine(options({ lagBound: "auto", lagLimits: { maxLagBound: 16 } }, { delaysMs: DELAYS_MS }), async (engine) => {
      for (let turn = 0; turn < MOST_TURNS && engine.stats().lag.decisions < 3; turn += 1) expect(await run(engine, work)).toEqual(fixed);
      expect(engine.stats().lag.decisions).toBeGreaterThanOrEqual(3);
    });
  });

  it("goes up where ranks are late in turn, and says why", async () => {
    const rotating = [
      [3, 0, 0],
      [0, 3, 0],
      [0, 0, 3],
    ];
    await withEngine(options({ lagBound: "auto", lagLimits: { maxLagBound: 32 } }, { delaysMs: rotating }), async (engine) => {
      const work = batches(200);
      for (let turn = 0; turn < MOST_TURNS && engine.stats().lag.decisions < 3; turn += 1) await run(engine, work);
      const { mode, lagBound, maxLagBound, reason, predictions } = engine.stats().lag;
      expect({ mode, maxLagBound }).toEqual({ mode: "auto", maxLagBound: 32 });
      expect(lagBound).toBeGreaterThan(0);
      expect(predictions.map((one) => one.lagBound)).toEqual([0, 1, 2, 4, 8, 16, 32]);
      expect(reason).toMatch(/times the synchronous rate/);
    });
  });

  it("stays synchronous under a latency budget that nothing keeps", async () => {
    const limits = { maxLagBound: 16, latencyBudgetMs: 1e-6 };
    await withEngine(options({ lagBound: "auto", lagLimits: limits }, { delaysMs: DELAYS_MS }), async (engine) => {
      for (let turn = 0; turn < MOST_TURNS && engine.stats().lag.decisions < 3; turn += 1) await run(engine, batches(100));
      expect(engine.stats().lag).toMatchObject({ lagBound: 0, reason: expect.stringMatching(/no bound gives|latency budget/) });
    });
  });

  it("gives lag up for windows that still hold a slice, within memoryBytes", async () => {
    const limits = { maxLagBound: 64, memoryBytes: 8 * 2 ** 20 };
    await withEngine(options({ lagBound: "auto", lagLimits: limits }), (engine) => {
      const { lag, memory } = engine.stats();
      expect(lag.maxLagBound).toBe(64);
      expect(memory.windowBytes).toBeLessThanOrEqual(limits.memoryBytes);
    });
    await withEngine(options({ lagBound: "auto", lagLimits: { maxLagBound: 1022, memoryBytes: 2 ** 20 } }), (engine) => {
      expect(engine.stats().lag.maxLagBound).toBeLessThan(64);
      expect(engine.stats().memory.windowBytes).toBeLessThanOrEqual(2 ** 20);
    });
  });

  it("gives lag up where the largest bound's windows do not fit into the exchange memory at all, and fails where none does", async () => {
    // A ring of 1,024 slots has 2 KiB for each of 8 ranks' stage errors in each: 16 MiB.
    const small = { lagBound: "auto", lagLimits: { maxLagBound: 1022 }, ranks: 8, exchangeMemoryBytes: 4 * 2 ** 20 } as const;
    await withEngine(options(small), async (engine) => {
      const { maxLagBound } = engine.stats().lag;
      expect(maxLagBound).toBeLessThan(512);
      const [batch] = batches(1);
      const want = await withEngine(options({ lagBound: 0 }), (plain) => run(plain, [batch], 1));
      expect(await run(engine, [batch], 1)).toEqual(want);
    });
    await expect(openEngine(options({ ...small, lagBound: 1022, lagLimits: undefined as never }))).rejects.toMatchObject({
      code: "EMBEDDING_MEMORY_LIMIT",
    });
    await expect(openEngine(options({ ...small, exchangeMemoryBytes: 2 ** 20 }))).rejects.toMatchObject({ code: "EMBEDDING_MEMORY_LIMIT" });
  });

  it.each([
    [{ lagBound: 4, lagLimits: {} }, /lagLimits: got Object, expected none/],
    [{ lagBound: "most" }, /lagBound: got "most", expected an integer from 0 to 1022/],
    [{ lagBound: "auto", lagLimits: 7 }, /lagLimits: got 7, expected an object/],
    [{ lagBound: "auto", lagLimits: { maxLagBound: 1023 } }, /lagLimits.maxLagBound: got 1023/],
    [{ lagBound: "auto", lagLimits: { latencyBudgetMs: 0 } }, /lagLimits.latencyBudgetMs: got 0, expected a number above 0/],
    [{ lagBound: "auto", lagLimits: { memoryBytes: Number.NaN } }, /lagLimits.memoryBytes: got NaN/],
  ])("refuses %j", async (more, message) => {
    await expect(openEngine(options(more as unknown as Partial<EngineOptions>))).rejects.toEqual(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(message) }),
    );
  });
});

describe("recentSteps", () => {
  it("tells of each step when it was asked for, when each rank pooled and finished, and when it was over", async () => {
    await withEngine(options({ lagBound: 2 }, { delaysMs: [[1, 0, 0]] }), async (engine) => {
      const before = performance.now();
      await run(engine, batches(20), 4);
      const after = performance.now();
      const steps = engine.recentSteps(8);
      expect(steps.map(({ step }) => step)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
      for (const { requestedMs, overMs, ranks, samples, lookups } of steps) {
        expect(lookups).toBe(1);
        expect(samples).toBeGreaterThan(0);
        expect(ranks).toHaveLength(RANKS);
        for (const { writeStartMs, writeEndMs, finishStartMs, finishEndMs, gatheredRows } of ranks) {
          expect(gatheredRows).toBeGreaterThanOrEqual(0);
          // Clocks of threads agree within a millisecond: all start from one reading of the system's, whose steps are coarser.
          const times = [before - 1, requestedMs - 1, writeStartMs, writeEndMs, finishStartMs, finishEndMs, overMs + 1, after + 2];
          expect(times).toEqual([...times].sort((a, b) => a - b));
        }
      }
    });
  });

  it("keeps the last 1,024 steps, and gives no more than there were", async () => {
    await withEngine(options({ lagBound: 2 }), async (engine) => {
      expect(engine.recentSteps()).toEqual([]);
      await run(engine, batches(1100));
      const steps = engine.recentSteps(5000);
      expect(steps).toHaveLength(1024);
      expect(steps[0].step).toBe(76);
      expect(steps.at(-1)?.step).toBe(1099);
    });
  });
});
