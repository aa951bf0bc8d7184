import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "@jest/globals";
import { type LookupResult, openEngine } from "lagbag";
import { type ReferenceBatch, referenceLookup } from "#host/reference.js";
import { randomBatch, randomTable, seededRandom } from "../cases.js";
import { MEMORY_MODES, withEngine } from "./open.js";

const MIB = 2 ** 20;
const random = seededRandom(5);
const tables = new Map([
  ["a", randomTable(random, { numRows: 100, dim: 16 })],
  ["b", randomTable(random, { numRows: 64, dim: 5 })],
]);
const features = [
  { name: "sum", table: "a", pooling: "sum" as const },
  { name: "mean", table: "b", pooling: "mean" as const },
  { name: "rows", table: "b", pooling: "none" as const },
  { name: "max", table: "a", pooling: "max" as const, paddingIndex: 0 },
];
const tableOptions = [...tables].map(([name, table]) => ({ name, ...table, sharding: "table" as const }));

function batchOf(batchSize: number): ReferenceBatch {
  return randomBatch(random, { tables, features, batchSize });
}

/** toEqual takes seconds for a million values. */
function sameBytes(a: Float32Array, b: Float32Array | undefined): boolean {
  return (
    b !== undefined && a.length === b.length && Buffer.compare(new Uint8Array(a.slice().buffer), new Uint8Array(b.slice().buffer)) === 0
  );
}

function check(result: Pick<LookupResult, "values" | "jagged">, batch: ReferenceBatch): void {
  const want = referenceLookup(tables, features, batch);
  expect(sameBytes(result.values, want.values)).toBe(true);
  expect(sameBytes(result.jagged("rows").values, want.jagged.get("rows")?.values)).toBe(true);
  expect(result.jagged("rows").offsets).toEqual(want.jagged.get("rows")?.offsets);
}

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  it.each(["never", "always"] as const)("cuts a lookup that is larger than the memory has room for, inline %s", async (inline) => {
    const options = { tables: tableOptions, features, ranks: 2, memory, inline, exchangeMemoryBytes: 3 * MIB };
    await withEngine(options, async (engine) => {
      const batch = batchOf(30_000);
      check(await engine.lookup(batch), batch);
      const out = new Float32Array(30_000 * 37);
      check(await engine.lookup(batch, { out }), batch);
      check(engine.lookupSync(batch), batch);
      if (inline === "never") expect(engine.stats().cutLookups).toBe(2);
    });
  });

  it("cuts by samples what goes through windows, too", async () => {
    const pooled = features.filter(({ pooling }) => pooling !== "none");
    const byRow = tableOptions.map((table) => ({ ...table, sharding: "row" as const }));
    await withEngine(
      { tables: byRow, features: pooled, ranks: 2, memory, inline: "never", exchangeMemoryBytes: 4 * MIB },
      async (engine) => {
        const batch = randomBatch(random, { tables, features: pooled, batchSize: 20_000 });
        const starts = pooled.map((feature) => ({
          ...feature,
          rowShardStarts: engine.plan.tables[feature.table === "a" ? 0 : 1].shards.map((s) => engine.plan.shards[s].firstRow),
        }));
        expect((await engine.lookup(batch)).values).toEqual(referenceLookup(tables, starts, batch).values);
        expect(engine.lookupSync(batch).values).toEqual(referenceLookup(tables, starts, batch).values);
      },
    );
  });

  it("says what a single sample needs when even that does not fit, and lives on", async () => {
    await withEngine(
      { tables: tableOptions, features, ranks: 2, memory, inline: "never", exchangeMemoryBytes: 2 * MIB },
      async (engine) => {
        const huge = {
          batchSize: 1,
          indices: new Int32Array(1_000_000),
          offsets: Int32Array.of(0, 1_000_000, 1_000_000, 1_000_000, 1_000_000),
        };
        const error = expect.objectContaining({ code: "EMBEDDING_MEMORY_LIMIT", got: expect.any(Number), expected: expect.any(Number) });
        await expect(engine.lookup(huge)).rejects.toEqual(error);
        expect(() => engine.lookupSync(huge)).toThrow(error as unknown as Error);
        const batch = batchOf(7);
        check(await engine.lookup(batch), batch);
      },
    );
  });

  it("keeps held views as they are, copies when many are held, and stalls nobody", async () => {
    await withEngine(
      { tables: tableOptions, features, ranks: 2, memory, inline: "never", exchangeMemoryBytes: 3 * MIB },
      async (engine) => {
        const held: { result: LookupResult; batch: ReferenceBatch }[] = [];
        for (let n = 0; n < 60; n += 1) {
          const batch = batchOf(200);
          held.push({ result: await engine.lookup(batch), batch });
        }
        for (const { result, batch } of held) check(result, batch);
        const { leasedViews, leasedBytes } = engine.stats();
        expect(leasedViews).toBeGreaterThan(0);
        expect(leasedViews).toBeLessThan(60);
        expect(leasedBytes).toBeLessThan(MIB);
        for (const { result } of held) result.release();
        expect(engine.stats()).toMatchObject({ leasedViews: 0, leasedBytes: 0 });
      },
    );
  });

  it("refuses tables that do not fit before anything is allocated", async () => {
    const rows = () => {
      throw new Error("must not be asked for rows");
    };
    const tables = [{ name: "big", numRows: 2 ** 28, dim: 64, rows }];
    const before = process.memoryUsage().rss;
    await expect(openEngine({ tables, ranks: 2, memory })).rejects.toEqual(
      expect.objectContaining({
        code: "EMBEDDING_MEMORY_LIMIT",
        got: expect.any(Number),
        expected: expect.any(Number),
        message: memory === "one" ? expect.stringContaining("Node 22") : expect.any(String),
      }),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
  });
});

it("reads nothing of a result after its release", async () => {
  await withEngine({ tables: tableOptions, features, ranks: 1, inline: "never" }, async (engine) => {
    const result = await engine.lookup(batchOf(3));
    result[Symbol.dispose]();
    result.release();
    expect(() => result.values).toThrow(expect.objectContaining({ code: "EMBEDDING_RELEASED" }));
    expect(() => result.jagged("rows")).toThrow(expect.objectContaining({ code: "EMBEDDING_RELEASED" }));
  });
});

it("takes back results that were dropped without a release, and not while one of their views is held", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  await withEngine({ tables: tableOptions, features, ranks: 2, inline: "never" }, async (engine) => {
    const batch = batchOf(5);
    const views: Float32Array[] = [];
    for (let n = 0; n < 40; n += 1) {
      const { values } = await engine.lookup(batch);
      if (n % 4 === 0) views.push(values);
    }
    for (let turn = 0; turn < 100 && engine.stats().forgottenViews < 20; turn += 1) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { forgottenViews, leasedViews } = engine.stats();
    expect(forgottenViews).toBeGreaterThanOrEqual(20);
    expect(forgottenViews).toBeLessThanOrEqual(30);
    expect(leasedViews).toBe(40 - forgottenViews);
    const want = referenceLookup(tables, features, batch).values;
    for (const view of views) expect(view).toEqual(want);
  });
});

it("takes inputs on shared memory, and looks up what they held when the step was made", async () => {
  const shared = (array: Int32Array) => {
    const copy = new Int32Array(new SharedArrayBuffer(array.byteLength));
    copy.set(array);
    return copy;
  };
  await withEngine({ tables: tableOptions, features, ranks: 2, inline: "never" }, async (engine) => {
    const batch = batchOf(20) as ReferenceBatch & { indices: Int32Array };
    check(await engine.lookup({ ...batch, indices: shared(batch.indices), offsets: shared(batch.offsets) }), batch);
  });
});

it("picks and orders features, and refuses unknown and repeated ones", async () => {
  await withEngine({ tables: tableOptions, features, ranks: 2, inline: "never" }, async (engine) => {
    const picked = [features[3], features[2], features[0]];
    const batch = randomBatch(random, { tables, features: picked, batchSize: 9 });
    const want = referenceLookup(tables, picked, batch);
    const names = picked.map(({ name }) => name);
    const result = await engine.lookup({ ...batch, features: names });
    expect(result.features).toEqual(names);
    expect(result.values).toEqual(want.values);
    expect(result.columnOffsets).toEqual([0, 16, 16, 32]);
    expect(result.jagged("rows").values).toEqual(want.jagged.get("rows")?.values);
    expect(engine.lookupSync({ ...batch, features: names }).values).toEqual(want.values);
    expect(() => result.jagged("sum")).toThrow(expect.objectContaining({ code: "EMBEDDING_FEATURE_UNKNOWN", feature: "sum" }));
    for (const wrong of [
      ["sum", "nope"],
      ["sum", "sum"],
    ]) {
      await expect(engine.lookup({ ...batch, features: wrong })).rejects.toEqual(
        expect.objectContaining({ code: "EMBEDDING_FEATURE_UNKNOWN", feature: wrong[1] }),
      );
    }
  });
});

/** Twenty times a gigabyte is touched: on a busy machine that takes minutes, and no clock is what this test is about. */
const MEMORY_TEST_MS = 600_000;

it(
  "gives memory back: 20 engines of 1 GiB, one after the other, stay under 4 GiB",
  async () => {
    const numRows = 4 * MIB;
    let most = 0;
    for (let n = 0; n < 20; n += 1) {
      // Rows are zeros, which the loader writes all the same: the pages are touched.
      await withEngine({ tables: [{ name: "t", numRows, dim: 64, rows: () => undefined }], ranks: 2, inline: "never" }, async (engine) => {
        (await engine.lookup({ batchSize: 1, indices: Int32Array.of(n), offsets: Int32Array.of(0, 1) })).release();
        most = Math.max(most, process.memoryUsage().rss);
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(most).toBeGreaterThan(1024 * MIB);
    expect(most).toBeLessThan(4096 * MIB);
  },
  MEMORY_TEST_MS,
);

it("gives memory back on close also while the closed engine is held", async () => {
  const rss = (): number => process.memoryUsage().rss;
  const engine = await openEngine({ tables: [{ name: "t", numRows: 4 * MIB, dim: 64, rows: () => undefined }], ranks: 2, inline: "never" });
  const open = rss();
  await engine.close();
  for (let turn = 0; turn < 50 && open - rss() < 768 * MIB; turn += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(open - rss()).toBeGreaterThan(768 * MIB);
  await expect(engine.lookup(batchOf(1))).rejects.toEqual(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
});
