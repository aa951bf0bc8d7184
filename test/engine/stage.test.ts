import { describe, expect, it } from "@jest/globals";
import type { Engine, EngineOptions, LookupBatch } from "lagbag";
import { openEngine } from "lagbag";
import { randomBatch, randomTable, seededRandom } from "../cases.js";
import { withEngine } from "./open.js";
import type { StageProgram } from "./stages/linear.js";

const MODULE = new URL("./stages/linear.js", import.meta.url);
const random = seededRandom(11);
const TABLES = ["a", "b", "c"].map((name, n) => ({ name, ...randomTable(random, { numRows: 50, dim: [4, 3, 8][n] }) }));
const DIMS = 15;
const tables = new Map(TABLES.map((table) => [table.name, table]));

function options(
  program: StageProgram,
  more: Partial<EngineOptions> = {},
  stage: { inputColumns?: number; columns?: number } = {},
): EngineOptions {
  return {
    tables: TABLES.map((table) => ({ ...table })),
    ranks: 3,
    lagBound: 2,
    exchangeMemoryBytes: 64 * 2 ** 20,
    stage: { module: MODULE, options: program, ...stage },
    ...more,
  };
}

function batches(count: number, batchSize: (n: number) => number): LookupBatch[] {
  return Array.from({ length: count }, (_, n) =>
    randomBatch(random, { batchSize: batchSize(n), tables, features: TABLES.map(({ name }) => ({ name, table: name, pooling: "sum" })) }),
  );
}

/** The same lookups on an engine without a stage. */
async function features(work: readonly LookupBatch[]): Promise<Float32Array[]> {
  return withEngine({ tables: TABLES.map((table) => ({ ...table })), ranks: 3, exchangeMemoryBytes: 64 * 2 ** 20 }, async (engine) =>
    Promise.all(work.map(async (batch) => (await engine.lookup(batch)).values.slice())),
  );
}

async function runAll(engine: Engine, work: readonly LookupBatch[]): Promise<Float32Array[]> {
  return Promise.all(
    work.map(async (batch) => {
      const result = await engine.lookup(batch);
      const values = result.values.slice();
      result.release();
      return values;
    }),
  );
}

describe("a stage", () => {
  it.each(["table", "row", "column"] as const)("gets the pooled features of its slice, tables cut by %s", async (sharding) => {
    const work = batches(20, (n) => n % 7);
    const want = await features(work);
    const cut = TABLES.map((table) => ({ ...table, sharding }));
    for (const asynchronous of [false, true]) {
      await withEngine(options({ asynchronous }, { tables: cut }), async (engine) => {
        const got = await runAll(engine, work);
        // Partial sums add up in another order than whole ones: equal within a few roundings.
        if (sharding === "row") {
          for (const [n, values] of got.entries()) for (const [v, value] of values.entries()) expect(value).toBeCloseTo(want[n][v], 4);
        } else expect(got).toEqual(want);
      });
    }
  });

  it("is called once for each rank that has samples, with steps from 0 and contiguous slices", async () => {
    const log = new Int32Array(new SharedArrayBuffer(4 * 4096));
    const work = batches(30, (n) => 1 + (n % 8));
    await withEngine(options({ log }, { maxCoalescedLookups: 1 }), (engine) => runAll(engine, work));
    const calls = Array.from({ length: log[0] / 4 }, (_, n) => [...log.subarray(1 + n * 4, 5 + n * 4)]);
    const want = work.flatMap(({ batchSize }, step) =>
      [0, 1, 2].flatMap((rank) => {
        const first = Math.floor((batchSize * rank) / 3);
        const count = Math.floor((batchSize * (rank + 1)) / 3) - first;
        return count > 0 ? [[rank, step, first, count]] : [];
      }),
    );
    const order = (a: number[], b: number[]) => a[1] - b[1] || a[0] - b[0];
    expect(calls.sort(order)).toEqual(want.sort(order));
  });

  it("gets stageInput by slice, and its own columns come back", async () => {
    const work = batches(12, (n) => 1 + n).map((batch) => ({
      ...batch,
      stageInput: Float32Array.from({ length: batch.batchSize * 2 }, (_, n) => n),
    }));
    const pooled = await features(work.map(({ stageInput: _, ...batch }) => batch));
    await withEngine(options({ columns: 2 }, {}, { columns: 2, inputColumns: 2 }), async (engine) => {
      const got = await runAll(engine, work);
      got.forEach((values, n) => {
        const want = new Float32Array(work[n].batchSize * 2);
        for (let s = 0; s < work[n].batchSize; s += 1) {
          for (let d = 0; d < DIMS; d += 1) want[s * 2 + (d % 2)] += pooled[n][s * DIMS + d];
          for (let i = 0; i < 2; i += 1) want[s * 2] += work[n].stageInput[s * 2 + i];
        }
        expect(values).toEqual(want);
      });
    });
  });

  it.each([false, true])("that throws fails the lookups of that step and nothing else (asynchronous: %s)", async (asynchronous) => {
    const work = batches(12, () => 6);
    const want = await features(work);
    await withEngine(options({ throwsIn: { steps: [3, 7], rank: 1 }, asynchronous }, { maxCoalescedLookups: 1 }), async (engine) => {
      const settled = await Promise.allSettled(work.map((batch) => engine.lookup(batch)));
      settled.forEach((outcome, n) => {
        if (n === 3 || n === 7) {
          const cause = expect.objectContaining({ name: "RangeError", message: `told to throw in step ${n}` });
          expect(outcome).toEqual({
            status: "rejected",
            reason: expect.objectContaining({ code: "EMBEDDING_STAGE", rank: 1, step: n, cause }),
          });
        } else expect(outcome.status === "fulfilled" && outcome.value.values).toEqual(want[n]);
      });
      expect(await runAll(engine, work)).toEqual(want);
    });
  });

  it.each([
    ["short", /returned 1 values, expected 2 samples x 15 columns = 30/],
    ["nothing", /returned undefined, expected a Float32Array of 2 x 15/],
    ["array", /returned \[object Array\], expected a Float32Array/],
  ] as const)("that returns %s is a coded error", async (returns, message) => {
    await withEngine(options({ returns }), async (engine) => {
      await expect(engine.lookup(batches(1, () => 6)[0])).rejects.toEqual(
        expect.objectContaining({ code: "EMBEDDING_STAGE", message: expect.stringMatching(message) }),
      );
    });
  });

  it("has no lookupSync, no subset of features, no jagged features, no input it did not ask for", async () => {
    const [batch] = batches(1, () => 2);
    await withEngine(options({}), async (engine) => {
      expect(() => engine.lookupSync(batch)).toThrow(expect.objectContaining({ code: "EMBEDDING_UNSUPPORTED" }));
      await expect(engine.lookup({ ...batch, features: ["a"] })).rejects.toEqual(
        expect.objectContaining({ code: "EMBEDDING_UNSUPPORTED" }),
      );
      await expect(engine.lookup({ ...batch, stageInput: new Float32Array(2) })).rejects.toEqual(
        expect.objectContaining({ code: "EMBEDDING_UNSUPPORTED" }),
      );
    });
    await expect(openEngine(options({}, { features: [{ name: "a", table: "a", pooling: "none" }] }))).rejects.toEqual(
      expect.objectContaining({ code: "EMBEDDING_UNSUPPORTED", feature: "a" }),
    );
    await withEngine(options({}, {}, { inputColumns: 3 }), async (engine) => {
      await expect(engine.lookup(batch)).rejects.toEqual(expect.objectContaining({ code: "EMBEDDING_BATCH" }));
      await expect(engine.lookup({ ...batch, stageInput: new Float32Array(5) })).rejects.toEqual(
        expect.objectContaining({ code: "EMBEDDING_BATCH", got: 5, expected: 6 }),
      );
    });
  });

  it.each([
    ["a module that is not there", { module: "./no-such-stage.mjs" }, "EMBEDDING_OPTIONS"],
    ["a module that does not parse", { module: "data:text/javascript,export function (" }, "EMBEDDING_STAGE"],
    ["a module without createStage", { module: "data:text/javascript,export const x = 1" }, "EMBEDDING_STAGE"],
    [
      "a createStage that throws",
      { module: "data:text/javascript,export function createStage() { throw new Error('no model') }" },
      "EMBEDDING_STAGE",
    ],
    [
      "a createStage that rejects",
      { module: "data:text/javascript,export async function createStage() { throw new Error('no model') }" },
      "EMBEDDING_STAGE",
    ],
    ["a stage without run", { module: "data:text/javascript,export function createStage() { return {} }" }, "EMBEDDING_STAGE"],
    ["options that cannot be cloned", { module: MODULE, options: () => 1 }, "EMBEDDING_OPTIONS"],
  ])("opens with an error for %s", async (_, stage, code) => {
    await expect(openEngine({ ...options({}), stage })).rejects.toEqual(expect.objectContaining({ code }));
  });

  it("may be a data: URL, and a path from the working directory", async () => {
    const source = "export const createStage = () => ({ run: (features) => features.map((v) => v * 2) })";
    const [batch] = batches(1, () => 4);
    const [want] = await features([batch]);
    await withEngine({ ...options({}), stage: { module: `data:text/javascript,${encodeURIComponent(source)}` } }, async (engine) => {
      expect((await engine.lookup(batch)).values).toEqual(want.map((v) => v * 2));
    });
    await withEngine({ ...options({}), stage: { module: "build/test/engine/stages/linear.js" } }, async (engine) => {
      expect((await engine.lookup(batch)).values).toEqual(want);
    });
  });
});

describe("whatever the order in which ranks finish", () => {
  const work = batches(40, (n) => 1 + ((n * 5) % 9));

  it.each([0, 1, 4, 16])("lag bound %i gives the same bits", async (lagBound) => {
    const want = await features(work);
    for (const seed of [1, 2]) {
      const schedule = seededRandom(seed);
      const delaysMs = Array.from({ length: 13 }, () => [0, 1, 2].map(() => (schedule() < 0.3 ? schedule() * 4 : 0)));
      for (const asynchronous of [false, true]) {
        await withEngine(options({ delaysMs, asynchronous }, { lagBound, maxCoalescedLookups: 1 + seed }), async (engine) => {
          expect(await runAll(engine, work)).toEqual(want);
        });
      }
    }
  });

  it.each([
    false,
    true,
  ])("lag bound 0 is synchronous: nobody begins a step before all have ended the one before (asynchronous: %s)", async (asynchronous) => {
    const delaysMs = [[0, 6, 0], [0], [3, 0, 0], [0, 0, 5]];
    for (const lagBound of [0, 4]) {
      const ended = new Int32Array(new SharedArrayBuffer(4 * 64));
      const overtook = new Int32Array(new SharedArrayBuffer(4));
      await withEngine(options({ delaysMs, asynchronous, ended, overtook }, { lagBound, maxCoalescedLookups: 1 }), (engine) =>
        runAll(
          engine,
          batches(24, () => 6),
        ),
      );
      expect(overtook[0]).toBe(lagBound === 0 ? 0 : 1);
    }
  });
});
