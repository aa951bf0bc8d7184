import { describe, expect, it } from "@jest/globals";
import { type Engine, type EngineOptions, type LookupBatch, openEngine } from "lagbag";
import { type ReferenceBatch, referenceLookup } from "#host/reference.js";
import { flattenBags } from "../cases/random.js";
import { cornerCases, randomTable, seededRandom } from "../cases.js";
import { batchOf, bits, expected, MEMORY_MODES, optionsOf, withEngine } from "./open.js";
import type { StageProgram } from "./stages/linear.js";

const STAGE = new URL("./stages/linear.js", import.meta.url);
const MIB = 2 ** 20;
const ROWS = 400;

const random = seededRandom(0x7e91);
/** Rows of a bag, by table. */
const HOTS = new Map([
  ["hot", 30],
  ["warm", 5],
  ["cold", 1],
]);
const NAMES = [...HOTS.keys()];
const tables = new Map(NAMES.map((name, n) => [name, randomTable(random, { numRows: ROWS, dim: [20, 7, 16][n] })]));
const features = [
  { name: "a", table: "hot", pooling: "sum" as const },
  { name: "b", table: "warm", pooling: "mean" as const, paddingIndex: 3 },
  { name: "c", table: "cold", pooling: "max" as const },
  // A second feature on the hot table, with keys of its own in the batch.
  { name: "d", table: "hot", pooling: "max" as const },
];

function batch(batchSize: number): ReferenceBatch {
  const bags = features.flatMap(({ table }) =>
    Array.from({ length: batchSize }, () =>
      Array.from({ length: Math.round(random() * 2 * (HOTS.get(table) ?? 0)) }, () => Math.floor(random() * ROWS)),
    ),
  );
  return { batchSize, ...flattenBags(bags, false) };
}

const SIZES = [1, 2, 3, 17, 64, 100, 5, 40];
const work = SIZES.map(batch);

function options(
  more: Partial<EngineOptions> & { sharding?: "table" | "row" | "column"; replicated?: readonly string[] } = {},
): EngineOptions {
  const { sharding = "table", replicated = [], ...rest } = more;
  return {
    tables: [...tables].map(([name, table]) => ({ name, ...table, sharding, replicated: replicated.includes(name) })),
    features,
    ranks: 3,
    inline: "never",
    exchangeMemoryBytes: 64 * MIB,
    stealUnitBytes: 2048,
    ...rest,
  };
}

async function valuesOf(engine: Engine, batches: readonly LookupBatch[] = work): Promise<number[][]> {
  return Promise.all(
    batches.map(async (one) => {
      const result = await engine.lookup(one);
      const values = bits(result.values);
      result.release();
      return values;
    }),
  );
}

function gatheredRows(engine: Engine): number[] {
  return engine.stats().ranks.map((rank) => rank.gatheredRows);
}

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  it.each(["table", "row", "column"] as const)("gives the same bits whatever is replicated, tables cut by %s", async (sharding) => {
    const want = await withEngine(options({ memory, sharding, workStealing: false, lagBound: 0 }), (engine) => valuesOf(engine));
    if (sharding !== "row") expect(want).toEqual(work.map((one) => bits(referenceLookup(tables, features, one).values)));
    for (const workStealing of [false, true]) {
      for (const lagBound of [0, 1, 4]) {
        for (const replicated of [["hot"], ["cold", "hot"], NAMES]) {
          const how = { memory, sharding, workStealing, lagBound, replicated, maxCoalescedLookups: 3 };
          expect(await withEngine(options(how), (engine) => valuesOf(engine))).toEqual(want);
        }
      }
    }
  });

  it.each([
    "table",
    "row",
  ] as const)("gives the same bits through a stage that is late now and then, tables cut by %s", async (sharding) => {
    const schedule = seededRandom(11);
    const delaysMs = Array.from({ length: 7 }, () => [0, 1, 2].map(() => (schedule() < 0.3 ? schedule() * 3 : 0)));
    const stage = { module: STAGE, options: { delaysMs, asynchronous: true } satisfies StageProgram };
    const want = await withEngine(options({ memory, sharding, stage }), (engine) => valuesOf(engine));
    for (const replicated of [["hot"], NAMES])
      expect(await withEngine(options({ memory, sharding, stage, replicated }), (engine) => valuesOf(engine))).toEqual(want);
  });

  it("takes another set while lookups are under way, step by step, and no bit changes", async () => {
    for (const sharding of ["table", "row"] as const) {
      await withEngine(options({ memory, sharding, lagBound: 4, maxCoalescedLookups: 1 }), async (engine) => {
        const want = await valuesOf(engine);
        const sets = seededRandom(5);
        for (let turn = 0; turn < 12; turn += 1) {
          const all = work.map((one) => {
            // Each lookup is a step of its own, made at once where the ring has room: these see one set each.
            engine.replicate(NAMES.filter(() => sets() < 0.5));
            return engine.lookup(one);
          });
          const got = (await Promise.all(all)).map((result) => {
            const values = bits(result.values);
            result.release();
            return values;
          });
          expect(got).toEqual(want);
        }
      });
    }
  });

  it("answers every corner case with all tables replicated", async () => {
    for (const [n, subject] of cornerCases().entries()) {
      const { tables: plain, ...rest } = optionsOf(subject, {
        memory,
        ranks: 3,
        sharding: n % 2 === 0 ? "table" : "row",
        inline: "never",
      });
      const replicated = plain.map((table) => ({ ...table, replicated: true }));
      await withEngine({ ...rest, tables: replicated }, async (engine) => {
        const result = await engine.lookup(batchOf(subject));
        expect(bits(result.values)).toEqual(bits(expected(engine, subject).values));
        result.release();
      });
    }
  }, 60_000);

  it("shares a hot table's rows out among all ranks, at once and on request, and takes it back", async () => {
    const even: ReferenceBatch = {
      batchSize: 90,
      ...flattenBags(
        features.flatMap(({ table }) => Array.from({ length: 90 }, () => new Array<number>(table === "hot" ? 20 : 1).fill(7))),
        false,
      ),
    };
    await withEngine(options({ memory, workStealing: false }), async (engine) => {
      const owner = engine.plan.shards[engine.plan.tables[0].shards[0]].rank;
      const turn = async (): Promise<number[]> => {
        const before = gatheredRows(engine);
        (await engine.lookup(even)).release();
        return gatheredRows(engine).map((rows, rank) => rows - before[rank]);
      };
      const hotRows = 2 * 20 * 90;
      const apart = await turn();
      expect(apart[owner]).toBeGreaterThanOrEqual(hotRows);
      engine.replicate(["hot"]);
      expect(engine.stats().replicatedTables).toEqual(["hot"]);
      const shared = await turn();
      shared.forEach((rows, rank) => {
        expect(rows).toBe(apart[rank] - (rank === owner ? hotRows : 0) + hotRows / 3);
      });
      engine.replicate([]);
      expect(await turn()).toEqual(apart);
      expect(engine.stats().replicatedTables).toEqual([]);
    });
  });

  it("names the lowest bad index, whoever pools it, and harms no other lookup of the step", async () => {
    for (const sharding of ["table", "row"] as const) {
      await withEngine(options({ memory, sharding, replicated: NAMES }), async (engine) => {
        const good = batch(50);
        const bad = batch(60);
        const positions = [400, 120, 700].map((at) => at % bad.indices.length);
        for (const position of positions) bad.indices[position] = ROWS + 1;
        const [refused, answered] = await Promise.allSettled([engine.lookup(bad), engine.lookup(good)]);
        expect(refused).toMatchObject({
          status: "rejected",
          reason: { code: "EMBEDDING_INDEX_RANGE", position: Math.min(...positions), got: ROWS + 1 },
        });
        expect(answered.status).toBe("fulfilled");
      });
    }
  });
});

describe("replicate", () => {
  it("refuses what is no list of the engine's tables, and keeps the set it had", async () => {
    await withEngine(options({ replicated: ["warm"] }), (engine) => {
      expect(() => engine.replicate(["hot", "hott"])).toThrow(
        expect.objectContaining({
          code: "EMBEDDING_OPTIONS",
          message: 'replicate: got table "hott", expected one of "hot", "warm", "cold"',
        }),
      );
      expect(() => engine.replicate("hot" as unknown as string[])).toThrow("replicate: got string, expected an array of names of tables");
      expect(engine.stats().replicatedTables).toEqual(["warm"]);
    });
  });

  it("is an option of tables that has to be true or false", async () => {
    const wrong = options();
    Object.assign(wrong.tables[1], { replicated: "yes" });
    await expect(openEngine(wrong)).rejects.toThrow('tables[1].replicated: got "yes", expected true or false');
  });

  it("is known to the planner: a replicated table weighs on no rank, and the plan says so", async () => {
    await withEngine(options({ replicated: ["hot"] }), ({ plan }) => {
      expect(plan.tables.map(({ replicated }) => replicated)).toEqual([true, false, false]);
      expect(String(plan)).toMatch(/hot .* whole, replicated /);
    });
  });

  it("works without ranks, where it changes nothing, and not after close", async () => {
    const { inline: _, ...rest } = options({ ranks: 0 });
    const engine = await openEngine(rest);
    engine.replicate(["hot"]);
    const [{ values }, want] = [engine.lookupSync(work[3]), referenceLookup(tables, features, work[3]).values];
    expect(bits(values)).toEqual(bits(want));
    await engine.close();
    expect(() => engine.replicate([])).toThrow(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
  });
});
