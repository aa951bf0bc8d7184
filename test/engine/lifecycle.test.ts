import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { type EngineOptions, type LookupBatch, openEngine } from "lagbag";
import { MEMORY_MODES, withEngine } from "./open.js";
import type { StageProgram } from "./stages/linear.js";

const MODULE = new URL("./stages/linear.js", import.meta.url);
const TABLE = { name: "t", numRows: 8, dim: 2, rows: Float32Array.from({ length: 16 }, (_, n) => n) };
const BATCH: LookupBatch = { batchSize: 3, indices: Int32Array.of(0, 1, 7), offsets: Int32Array.of(0, 1, 2, 3) };
const VALUES = Float32Array.of(0, 1, 2, 3, 14, 15);

function options(program?: StageProgram, more: Partial<EngineOptions> = {}): EngineOptions {
  return {
    tables: [TABLE],
    ranks: 3,
    exchangeMemoryBytes: 16 * 2 ** 20,
    inline: "never",
    ...(program === undefined ? {} : { stage: { module: MODULE, options: program } }),
    ...more,
  };
}

function coded(code: string, more: object = {}): unknown {
  return expect.objectContaining({ name: "EmbeddingError", code, ...more });
}

describe("close", () => {
  it.each(MEMORY_MODES)("ends all threads, may be called twice, and leaves results readable (memory %s)", async (memory) => {
    const engine = await openEngine(options(undefined, { memory }));
    const result = await engine.lookup(BATCH);
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
    expect(result.values).toEqual(VALUES);
    result.release();
    await expect(engine.lookup(BATCH)).rejects.toEqual(coded("EMBEDDING_CLOSED"));
    expect(() => engine.lookupSync(BATCH)).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
    expect(() => engine.stats()).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
  });

  it("leaves no thread", async () => {
    if (!existsSync("/proc/self/task")) return; // Only Linux tells how many threads a process has.
    const threads = (): number => readdirSync("/proc/self/task").length;
    const cycle = async (): Promise<number> =>
      withEngine(options({}), async (engine) => {
        await engine.lookup(BATCH);
        return threads();
      });
    // The first engine also starts threads that Node keeps for itself.
    await cycle();
    const before = threads();
    expect(await cycle()).toBeGreaterThanOrEqual(before + 3);
    for (let turn = 0; turn < 50 && threads() > before; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(threads()).toBeLessThanOrEqual(before);
  });

  it("rejects open lookups", async () => {
    const engine = await openEngine(options({ delaysMs: [[200]] }));
    const open = Promise.allSettled([engine.lookup(BATCH), engine.lookup(BATCH)]);
    await engine.close();
    for (const outcome of await open) expect(outcome).toEqual({ status: "rejected", reason: coded("EMBEDDING_CLOSED") });
  });

  it("works while a rank hangs for ever", async () => {
    const engine = await openEngine(options({ hangsIn: { step: 0, rank: 1 } }));
    const open = Promise.allSettled([engine.lookup(BATCH)]);
    await engine.close();
    expect((await open)[0]).toEqual({ status: "rejected", reason: coded("EMBEDDING_CLOSED") });
  });

  it("is what `await using` calls", async () => {
    const engine = await openEngine(options());
    await engine[Symbol.asyncDispose]();
    await expect(engine.lookup(BATCH)).rejects.toEqual(coded("EMBEDDING_CLOSED"));
  });
});

describe("a rank that dies", () => {
  it("rejects all open and later lookups with EMBEDDING_RANK_LOST, and close still works", async () => {
    await withEngine(options({ exitsIn: { step: 2, rank: 1 } }, { maxCoalescedLookups: 1, lagBound: 0 }), async (engine) => {
      const settled = await Promise.allSettled(Array.from({ length: 12 }, () => engine.lookup(BATCH)));
      // The steps before may be over on all ranks by then or not; the step itself and later ones cannot be.
      const lost = settled.findIndex(({ status }) => status === "rejected");
      expect(lost).toBeLessThanOrEqual(2);
      for (const outcome of settled.slice(lost)) {
        expect(outcome).toEqual({ status: "rejected", reason: coded("EMBEDDING_RANK_LOST", { rank: 1 }) });
      }
      await expect(engine.lookup(BATCH)).rejects.toEqual(coded("EMBEDDING_RANK_LOST", { rank: 1 }));
    });
  });

  it("while it starts, makes openEngine reject", async () => {
    const module =
      "data:text/javascript,export const createStage = ({ rank }) => { if (rank === 1) process.exit(3); return { run: (f) => f }; }";
    await expect(openEngine(options(undefined, { stage: { module } }))).rejects.toEqual(coded("EMBEDDING_RANK_LOST", { rank: 1 }));
  });
});

describe("a lookup that takes too long", () => {
  it("is rejected with the rank that is waited for and the step; the engine goes on when the rank does", async () => {
    const delaysMs = [[0], [0, 0, 300]];
    await withEngine(options({ delaysMs }, { maxCoalescedLookups: 1 }), async (engine) => {
      expect((await engine.lookup(BATCH)).values).toEqual(VALUES);
      await expect(engine.lookup(BATCH, { timeoutMs: 50 })).rejects.toEqual(coded("EMBEDDING_TIMEOUT", { rank: 2, step: 1, expected: 50 }));
      expect((await engine.lookup(BATCH)).values).toEqual(VALUES);
    });
  });

  it("names a peer that waits for the silent rank", async () => {
    const hang = options({ hangsIn: { step: 0, rank: 1 } }, { maxCoalescedLookups: 1, lagBound: 0, lookupTimeoutMs: 150 });
    await withEngine(hang, async (engine) => {
      const settled = await Promise.allSettled(Array.from({ length: 5 }, () => engine.lookup(BATCH)));
      for (const outcome of settled)
        expect(outcome).toEqual({ status: "rejected", reason: coded("EMBEDDING_TIMEOUT", { rank: 1, step: 0 }) });
    });
  });
});

describe("a signal", () => {
  it("that fired already rejects at once, with its reason as cause", async () => {
    await withEngine(options(), async (engine) => {
      const signal = AbortSignal.abort("enough");
      await expect(engine.lookup(BATCH, { signal })).rejects.toEqual(coded("EMBEDDING_ABORTED", { cause: "enough" }));
      expect((await engine.lookup(BATCH)).values).toEqual(VALUES);
    });
  });

  it("that fires meanwhile rejects a queued lookup and one under way, and no other", async () => {
    await withEngine(options({ delaysMs: [[30]] }, { maxCoalescedLookups: 1, lagBound: 0 }), async (engine) => {
      const abort = new AbortController();
      const lookups = Array.from({ length: 8 }, (_, n) => engine.lookup(BATCH, n % 2 === 0 ? { signal: abort.signal } : {}));
      setTimeout(() => abort.abort(), 10);
      const settled = await Promise.allSettled(lookups);
      settled.forEach((outcome, n) => {
        if (n % 2 === 0) expect(outcome).toEqual({ status: "rejected", reason: coded("EMBEDDING_ABORTED") });
        else expect(outcome.status === "fulfilled" && outcome.value.values).toEqual(VALUES);
      });
    });
  });
});

describe("the queue", () => {
  it("refuses what exceeds maxQueuedLookups, and serves the rest", async () => {
    await withEngine(options({ delaysMs: [[20]] }, { maxCoalescedLookups: 1, maxQueuedLookups: 5, lagBound: 0 }), async (engine) => {
      const settled = await Promise.allSettled(Array.from({ length: 12 }, () => engine.lookup(BATCH)));
      const refused = settled.filter(({ status }) => status === "rejected");
      expect(refused.length).toBe(12 - 5 - 2);
      for (const outcome of refused)
        expect(outcome).toEqual({ status: "rejected", reason: coded("EMBEDDING_QUEUE_FULL", { expected: 5 }) });
      expect((await engine.lookup(BATCH)).values).toEqual(VALUES);
    });
  });

  it("coalesces what waits into one step, and gives each caller its own rows", async () => {
    await withEngine(options(), async (engine) => {
      const lookups = Array.from({ length: 200 }, (_, n) => {
        const indices = Int32Array.of(n % 8, (n * 3) % 8);
        return engine.lookup({ batchSize: 2, indices, offsets: Int32Array.of(0, 1, 2) }).then((result) => ({ indices, result }));
      });
      for (const { indices, result } of await Promise.all(lookups)) {
        expect([...result.values]).toEqual([...indices].flatMap((index) => [2 * index, 2 * index + 1]));
        result.release();
      }
      const stats = engine.stats();
      expect(stats.steps).toBeLessThan(20);
      expect(stats.coalescedLookups).toBeGreaterThan(180);
      expect(stats).toMatchObject({ lookups: 200, leasedViews: 0, leasedBytes: 0, queuedLookups: 0, failedLookups: 0 });
    });
  });
});

describe("options", () => {
  it.each<[string, object, RegExp]>([
    ["no tables", { tables: [] }, /tables: got Array, expected an array with at least one element/],
    ["ranks", { ranks: 65 }, /ranks: got 65, expected an integer from 0 to 64/],
    ["lagBound", { lagBound: 1.5 }, /lagBound: got 1.5, expected an integer from 0 to 1022/],
    ["a table twice", { tables: [TABLE, TABLE] }, /tables\[1\].name: got "t", expected a name that is used once/],
    ["dim", { tables: [{ ...TABLE, dim: 0 }] }, /tables\[0\].dim: got 0/],
    ["no rows", { tables: [{ ...TABLE, rows: undefined }] }, /tables\[0\].rows: got undefined/],
    ["an unknown table", { features: [{ name: "f", table: "x" }] }, /features\[0\].table: got "x", expected one of "t"/],
    [
      "an unknown pooling",
      { features: [{ name: "f", table: "t", pooling: "avg" }] },
      /pooling: got "avg", expected "sum" or "mean" or "max" or "none"/,
    ],
    [
      "a padding index",
      { features: [{ name: "f", table: "t", paddingIndex: 8 }] },
      /paddingIndex: got 8, expected an integer from -8 to 7/,
    ],
    ["inline", { inline: "yes" }, /inline: got "yes"/],
    ["huge pages", { hugePages: "on" }, /hugePages: got "on", expected "auto" or "off"/],
    ["a timeout", { lookupTimeoutMs: 0 }, /lookupTimeoutMs: got 0/],
    ["a cut", { tables: [{ ...TABLE, sharding: "diagonal" }] }, /sharding/],
  ])("are refused by name: %s", async (_, wrong, message) => {
    await expect(openEngine({ ...options(), ...wrong } as EngineOptions)).rejects.toEqual(
      coded("EMBEDDING_OPTIONS", { message: expect.stringMatching(message) }),
    );
  });

  it("are not changed", async () => {
    const given = Object.freeze({ ...options(), tables: Object.freeze([Object.freeze({ ...TABLE })]) });
    await withEngine(given, async (engine) => expect((await engine.lookup(BATCH)).values).toEqual(VALUES));
  });
});
