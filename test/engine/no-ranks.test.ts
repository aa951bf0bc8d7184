import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { type Engine, type EngineOptions, openEngine, type RowSource, type Sharding, type TableOptions } from "lagbag";
import { openEngineSync } from "#host/open.js";
import { type Case, cornerCases } from "../cases.js";
import { runScript } from "../package/child.js";
import { bits, expected, MEMORY_MODES, optionsOf } from "./open.js";

const TABLE = { name: "t", numRows: 4, dim: 2, rows: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) };
const BATCH = { batchSize: 1, indices: Int32Array.of(1, 3), offsets: Int32Array.of(0, 2) };

function coded(code: string, message: RegExp): unknown {
  return expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message) });
}

/** lookup, lookup with out, and lookupSync give the reference's bits. */
async function checkRoads(engine: Engine, subject: Case): Promise<void> {
  const want = expected(engine, subject);
  const result = await engine.lookup(subject.batch);
  const out = new Float32Array(want.values.length);
  await engine.lookup(subject.batch, { out });
  const sync = engine.lookupSync(subject.batch);
  for (const values of [result.values, out, sync.values]) expect(bits(values)).toEqual(bits(want.values));
  for (const [name, rows] of want.jagged) {
    for (const one of [result, sync]) {
      expect(bits(one.jagged(name).values)).toEqual(bits(rows.values));
      expect(one.jagged(name).offsets).toEqual(rows.offsets);
    }
  }
  result.release();
}

const SHARDINGS: readonly Sharding[] = ["auto", { by: "row", shards: 3 }, { by: "column", shards: 2 }];

describe.each(
  MEMORY_MODES.flatMap((memory) => SHARDINGS.map((sharding) => ({ memory, sharding }))),
)("without ranks, memory $memory, sharding $sharding", ({ memory, sharding }) => {
  it.each(cornerCases().map((subject) => ({ name: subject.name, subject })))("gives the reference's bits for $name", async ({
    subject,
  }) => {
    const cut = canBeCut(subject, sharding) ? sharding : "auto";
    const { inline, ranks, ...options } = optionsOf(subject, { memory, sharding: cut });
    const opened: readonly Engine[] = [await openEngine({ ...options, ranks: 0 }), openEngineSync(options)];
    for (const engine of opened) {
      try {
        await checkRoads(engine, subject);
      } finally {
        await engine.close();
      }
    }
  });
});

/** Not every table has three rows, or two columns. */
function canBeCut(subject: Case, sharding: Sharding): boolean {
  return [...subject.tables.values()].every(({ dim, numRows }) => dim > 1 && (sharding === "auto" || numRows > 2));
}

describe("an engine without ranks", () => {
  it("starts no thread and has no rank in its stats", async () => {
    const engine = await openEngine({ tables: [TABLE], ranks: 0 });
    if (existsSync("/proc/self/task")) {
      const threads = readdirSync("/proc/self/task").length;
      for (let n = 0; n < 10; n += 1) await engine.lookup(BATCH);
      expect(readdirSync("/proc/self/task").length).toBe(threads);
    }
    expect(engine.stats()).toMatchObject({ ranks: [], steps: 0, inline: { mode: "always", limitBytes: Number.POSITIVE_INFINITY } });
    expect(engine.plan.load.length).toBe(1);
    expect(String(engine.plan)).toContain("t");
    expect(engine.recentSteps()).toEqual([]);
    expect(String(engine.diagnose())).toBe("no ranks: all lookups run on the caller's thread");
    await engine.close();
  });

  it("is closed when close() returns, and again does no harm", () => {
    const engine = openEngineSync({ tables: [TABLE] });
    expect([...engine.lookupSync(BATCH)]).toEqual([8, 10]);
    void engine.close();
    expect(() => engine.lookupSync(BATCH)).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
    expect(() => engine.stats()).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
    void engine.close();
  });

  it("rejects a bad lookup and takes the next", async () => {
    const engine = openEngineSync({ tables: [TABLE] });
    const bad = { ...BATCH, indices: Int32Array.of(1, 4) };
    await expect(engine.lookup(bad)).rejects.toEqual(coded("EMBEDDING_INDEX_RANGE", /indices\[1\].*got 4/));
    await expect(engine.lookup(BATCH, { signal: AbortSignal.abort("no") })).rejects.toMatchObject({ code: "EMBEDDING_ABORTED" });
    expect([...(await engine.lookup(BATCH)).values]).toEqual([8, 10]);
    expect(engine.stats()).toMatchObject({ lookups: 3, failedLookups: 2 });
    await engine.close();
  });

  it.each<[string, Partial<EngineOptions>, RegExp]>([
    ["a stage", { stage: { module: "data:text/javascript,export const createStage = () => 1" } }, /stage: .*none with ranks: 0/],
    ['inline "never"', { inline: "never" }, /inline: got "never", expected "auto" or "always" with ranks: 0/],
  ])("refuses %s", async (_, more, message) => {
    await expect(openEngine({ tables: [TABLE], ranks: 0, ...more })).rejects.toEqual(coded("EMBEDDING_OPTIONS", message));
  });

  it("refuses more than one memory holds, and says what lifts the limit", async () => {
    const rows = (): void => undefined;
    await expect(openEngine({ tables: [{ name: "t", numRows: 2 ** 26, dim: 64, rows }], ranks: 0 })).rejects.toEqual(
      coded("EMBEDDING_MEMORY_LIMIT", /; without ranks all tables lie in one memory/),
    );
  });

  it("ends its process by itself, and loads no thread pool", () => {
    const run = runScript(`
      import { openEngine } from "lagbag";
      const engine = await openEngine({ ranks: 0, tables: [{ name: "t", numRows: 2, dim: 1, rows: Float32Array.of(1, 2) }] });
      const result = await engine.lookup({ batchSize: 1, indices: Int32Array.of(0, 1), offsets: Int32Array.of(0, 2) });
      console.log(result.values[0]);
    `);
    expect(run).toMatchObject({ stdout: "3\n", exitCode: 0 });
    expect(run.modules.some((module) => module.endsWith("/dist/engine.js"))).toBe(true);
    expect(run.modules.filter((module) => module.includes("piscina"))).toEqual([]);
  });

  it("and with ranks the trace would show the thread pool", () => {
    const run = runScript(`
      import { openEngine } from "lagbag";
      const engine = await openEngine({ ranks: 1, tables: [{ name: "t", numRows: 2, dim: 1, rows: Float32Array.of(1, 2) }] });
      await engine.close();
    `);
    expect(run.exitCode).toBe(0);
    expect(run.modules.some((module) => module.includes("piscina"))).toBe(true);
  });
});

describe("openEngineSync", () => {
  const table = (rows: RowSource): TableOptions => ({ ...TABLE, rows });
  const chunks = [TABLE.rows.subarray(0, 3), TABLE.rows.subarray(3)];

  it.each<[string, RowSource]>([
    ["an array", TABLE.rows],
    ["a list of arrays", chunks],
    ["a generator", new Set(chunks).values()],
    ["a function", (first, count, out) => out.set(TABLE.rows.subarray(first * 2, (first + count) * 2))],
  ])("takes rows from %s", (_, rows) => {
    const engine = openEngineSync({ tables: [table(rows)] });
    expect([...engine.lookupSync(BATCH)]).toEqual([8, 10]);
    void engine.close();
  });

  it.each<[string, RowSource, string, RegExp]>([
    [
      "an async iterable",
      (async function* () {})(),
      "EMBEDDING_OPTIONS",
      /rows: got an async iterable, expected a source that is read without/,
    ],
    ["too few values", TABLE.rows.subarray(1), "EMBEDDING_TABLE_ROWS", /gave 7 values, expected 4 rows x 2 = 8 values/],
    ["too many values", new Float32Array(9), "EMBEDDING_TABLE_ROWS", /at least 9 values/],
    [
      "a function that throws",
      () => {
        throw new Error("disk on fire");
      },
      "EMBEDDING_TABLE_ROWS",
      /rows failed after 0 values: disk on fire/,
    ],
  ])("refuses %s", (_, rows, code, message) => {
    expect(() => openEngineSync({ tables: [table(rows)] })).toThrow(coded(code, message) as Error);
  });
});
