import { describe, expect, it } from "@jest/globals";
import type { EngineOptions, LookupBatch } from "lagbag";
import { bits, withEngine } from "./open.js";
import type { StageProgram } from "./stages/linear.js";

const TABLE = { name: "t", numRows: 64, dim: 3, rows: Float32Array.from({ length: 192 }, (_, n) => n / 7) };
const STAGE_MS = 5;
const LATENCY = { lagClass: "latency" } as const;
const BULK = { lagClass: "bulk" } as const;

function options(more: Partial<EngineOptions> = {}): EngineOptions {
  const program: StageProgram = { delaysMs: [[STAGE_MS]] };
  return {
    tables: [TABLE],
    ranks: 2,
    lagBound: 2,
    maxCoalescedLookups: 1,
    exchangeMemoryBytes: 16 * 2 ** 20,
    stage: { module: new URL("./stages/linear.js", import.meta.url), options: program },
    ...more,
  };
}

/** One row of the table for each of two samples. */
function batch(row: number): LookupBatch {
  return { batchSize: 2, indices: Int32Array.of(row, 63 - row), offsets: Int32Array.of(0, 1, 2) };
}

function valuesOf(row: number): number[] {
  return bits(Float32Array.from([...TABLE.rows.subarray(row * 3, row * 3 + 3), ...TABLE.rows.subarray((63 - row) * 3, (64 - row) * 3)]));
}

describe("lagClass", () => {
  it("lets a latency lookup overtake bulk ones that wait, and every one gets its own values", async () => {
    await withEngine(options(), async (engine) => {
      const ended: string[] = [];
      const note = async (name: string, row: number, how: object): Promise<void> => {
        const result = await engine.lookup(batch(row), how);
        expect(bits(result.values)).toEqual(valuesOf(row));
        result.release();
        ended.push(name);
      };
      const bulk = Array.from({ length: 24 }, (_, n) => note(`bulk ${n}`, n, BULK));
      const urgent = note("urgent", 40, LATENCY);
      expect(engine.stats()).toMatchObject({ queuedBulkLookups: expect.any(Number), overtakingSteps: expect.any(Number) });
      await Promise.all([...bulk, urgent]);
      expect(ended.filter((name) => name !== "urgent")).toEqual(bulk.map((_, n) => `bulk ${n}`));
      // The ring had room for four steps when it came; whatever waited outside came later.
      expect(ended.indexOf("urgent")).toBeLessThan(8);
      expect(engine.stats().overtakingSteps).toBeGreaterThan(0);
    });
  });

  it("keeps the order of one caller's lookups, whatever their classes", async () => {
    await withEngine(options(), async (engine) => {
      const ended: number[] = [];
      const caller = "scorer";
      await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const result = await engine.lookup(batch(n), { ...(n % 3 === 2 ? LATENCY : BULK), caller });
          ended.push(n);
          result.release();
        }),
      );
      expect(ended).toEqual(Array.from({ length: 20 }, (_, n) => n));
    });
  });

  it("keeps that order where small lookups run on the caller's thread as well", async () => {
    const { stage: _, ...plain } = options({ inline: "always" });
    await withEngine(plain, async (engine) => {
      const ended: number[] = [];
      await Promise.all(Array.from({ length: 8 }, (_, n) => engine.lookup(batch(n), { caller: 7 }).then(() => ended.push(n))));
      expect(ended).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });
  });

  it("counts the classes apart: a full queue of bulk refuses no latency lookup", async () => {
    await withEngine(options({ maxQueuedLookups: 2 }), async (engine) => {
      const bulk = Promise.allSettled(Array.from({ length: 12 }, (_, n) => engine.lookup(batch(n), BULK)));
      await expect(engine.lookup(batch(1), LATENCY)).resolves.toMatchObject({ batchSize: 2 });
      const outcomes = await bulk;
      const refused = outcomes.filter((outcome) => outcome.status === "rejected");
      expect(refused.length).toBeGreaterThan(0);
      for (const { reason } of refused) expect(reason).toMatchObject({ code: "EMBEDDING_QUEUE_FULL" });
    });
  });

  it("refuses a class that does not exist", async () => {
    await withEngine(options(), async (engine) => {
      await expect(engine.lookup(batch(1), { lagClass: "soon" as "bulk" })).rejects.toMatchObject({
        code: "EMBEDDING_BATCH",
        message: 'lagClass: got "soon", expected "latency" or "bulk"',
      });
    });
  });
});
