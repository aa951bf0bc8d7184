import { describe, expect, it } from "@jest/globals";
import { type Engine, type EngineOptions, type LookupBatch, openEngine } from "lagbag";
import { type ReferenceBatch, referenceLookup } from "#host/reference.js";
import { flattenBags } from "../cases/random.js";
import { badCases, cornerCases, randomTable, seededRandom } from "../cases.js";
import { batchOf, bits, expected, MEMORY_MODES, optionsOf, withEngine } from "./open.js";
import type { HelperProgram } from "./stages/dying-helper.js";
import type { StageProgram } from "./stages/linear.js";

const STAGE = new URL("./stages/linear.js", import.meta.url);
const DYING = new URL("./stages/dying-helper.js", import.meta.url);
const MIB = 2 ** 20;
/** Nobody promises that a helper ever comes in time. On a machine whose cores are busy it takes some turns until one does. */
const MOST_TURNS = 50;

const random = seededRandom(0x57ea1);
/** Rows of a bag, by table. The plan knows nothing of it, and gives the hot table to a rank that has others besides. */
const HOTS = new Map([
  ["hot", 60],
  ["warm", 6],
  ["cold", 1],
  ["icy", 1],
]);
const tables = new Map([...HOTS.keys()].map((name, n) => [name, randomTable(random, { numRows: 500, dim: [32, 7, 16, 3][n] })]));
const features = [...HOTS.keys()].map((name, n) => ({
  name,
  table: name,
  pooling: (["sum", "mean", "max", "sum"] as const)[n],
  ...(n === 1 ? { paddingIndex: 3 } : {}),
}));

function batch(batchSize: number): ReferenceBatch {
  const bags = [...HOTS.values()].flatMap((hot) =>
    Array.from({ length: batchSize }, () => Array.from({ length: Math.round(random() * 2 * hot) }, () => Math.floor(random() * 500))),
  );
  return { batchSize, ...flattenBags(bags, false) };
}

function options(more: Partial<EngineOptions> & { sharding?: "table" | "row" | "column" } = {}): EngineOptions {
  const { sharding = "table", ...rest } = more;
  return {
    tables: [...tables].map(([name, table]) => ({ name, ...table, sharding })),
    features,
    ranks: 2,
    inline: "never",
    exchangeMemoryBytes: 64 * MIB,
    stealUnitBytes: 4096,
    ...rest,
  };
}

async function valuesOf(engine: Engine, work: readonly LookupBatch[]): Promise<Float32Array[]> {
  return Promise.all(
    work.map(async (one) => {
      const result = await engine.lookup(one);
      const values = result.values.slice();
      result.release();
      return values;
    }),
  );
}

/** toEqual takes seconds for a million values. */
function sameBits(got: readonly Float32Array[], want: readonly Float32Array[]): boolean {
  const bytes = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return got.length === want.length && got.every((values, n) => Buffer.compare(bytes(values), bytes(want[n])) === 0);
}

function stolenRows(engine: Engine): number {
  return engine.stats().ranks.reduce((sum, rank) => sum + rank.stolenRows, 0);
}

/** Looks work up, turn by turn, until rows were stolen; every turn gives what is wanted. */
async function untilStolen(engine: Engine, work: readonly LookupBatch[], want: readonly Float32Array[]): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    expect(sameBits(await valuesOf(engine, work), want)).toBe(true);
    if (stolenRows(engine) > 0) return;
  }
  throw new Error(`no rank has helped another in ${MOST_TURNS} turns of ${work.length} uneven lookups`);
}

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  const work = Array.from({ length: 24 }, (_, n) => batch(20 + ((n * 37) % 180)));
  const reference = work.map((one) => referenceLookup(tables, features, one).values);

  it.each([0, 1, 4])("ranks help each other, and the bits are the reference's: lag bound %i", async (lagBound) => {
    await withEngine(options({ memory, lagBound, maxCoalescedLookups: 3 }), (engine) => untilStolen(engine, work, reference));
  });

  it.each(["table", "row", "column"] as const)("with a stage that is late now and then, and tables cut by %s", async (sharding) => {
    const late = work.slice(0, 12);
    const want = await withEngine(options({ memory, sharding, workStealing: false, ranks: 3 }), (engine) => valuesOf(engine, late));
    const schedule = seededRandom(7);
    const delaysMs = Array.from({ length: 11 }, () => [0, 1, 2].map(() => (schedule() < 0.3 ? schedule() * 3 : 0)));
    for (const asynchronous of [false, true]) {
      const program: StageProgram = { delaysMs, asynchronous };
      for (const lagBound of [0, 1, 4]) {
        const stage = { module: STAGE, options: program };
        await withEngine(options({ memory, sharding, ranks: 3, lagBound, stage, maxCoalescedLookups: 2 }), async (engine) => {
          expect(sameBits(await valuesOf(engine, late), want)).toBe(true);
        });
      }
    }
  });

  it("helps with parts of a lookup that had to be cut", async () => {
    const large = batch(6000);
    const want = [referenceLookup(tables, features, large).values];
    await withEngine(options({ memory, exchangeMemoryBytes: 3 * MIB }), async (engine) => {
      await untilStolen(engine, [large], want);
      expect(engine.stats().cutLookups).toBeGreaterThan(0);
    });
  });

  it("names the lowest bad index, whoever meets it, and harms no other lookup of the step", async () => {
    const good = batch(150);
    const want = referenceLookup(tables, features, good).values;
    const bad = { ...good, indices: good.indices.slice() as Int32Array };
    const places = Array.from({ length: 12 }, () => Math.floor(random() * bad.indices.length)).sort((a, b) => a - b);
    for (const place of places) bad.indices[place] = 500 + place;
    const position = places[0];
    const bag = good.offsets.findLastIndex((offset) => offset <= position);
    const error = expect.objectContaining({
      code: "EMBEDDING_INDEX_RANGE",
      position,
      feature: features[Math.floor(bag / 150)].name,
      sample: bag % 150,
      got: 500 + position,
    });
    await withEngine(options({ memory, lagBound: 1, maxCoalescedLookups: 4 }), async (engine) => {
      for (let turn = 0; turn < MOST_TURNS && (turn < 3 || stolenRows(engine) === 0); turn += 1) {
        const settled = await Promise.allSettled(Array.from({ length: 24 }, (_, n) => engine.lookup(n % 3 === 1 ? bad : good)));
        settled.forEach((outcome, n) => {
          if (n % 3 === 1) expect(outcome).toEqual({ status: "rejected", reason: error });
          else expect(outcome.status === "fulfilled" && sameBits([outcome.value.values], [want])).toBe(true);
        });
      }
      expect(stolenRows(engine)).toBeGreaterThan(0);
    });
  });

  describe.each(["table", "row", "column"] as const)("in units of a bag or two, cut by %s", (sharding) => {
    it.each(cornerCases().map((subject) => ({ name: subject.name, subject })))("gives the reference's bits for $name", async ({
      subject,
    }) => {
      await withEngine(optionsOf(subject, { memory, sharding, ranks: 2, inline: "never", stealUnitBytes: 1 }), async (engine) => {
        const want = expected(engine, subject);
        for (const result of await Promise.all(Array.from({ length: 4 }, () => engine.lookup(batchOf(subject))))) {
          expect(bits(result.values)).toEqual(bits(want.values));
          for (const [name, rows] of want.jagged) expect(bits(result.jagged(name).values)).toEqual(bits(rows.values));
          result.release();
        }
      });
    });
  });

  it.each(badCases().map((subject) => ({ name: subject.name, subject })))("refuses $name with its place, in units of a bag or two", async ({
    subject,
  }) => {
    await withEngine(optionsOf(subject, { memory, sharding: "row", ranks: 2, inline: "never", stealUnitBytes: 1 }), async (engine) => {
      const want = expect.objectContaining({ name: "EmbeddingError", code: subject.code, ...subject.place });
      const settled = await Promise.allSettled(Array.from({ length: 4 }, () => engine.lookup(batchOf(subject))));
      for (const outcome of settled) expect(outcome).toEqual({ status: "rejected", reason: want });
    });
  });

  it.each(["exits", "hangs"] as const)("a helper that %s with a unit in hand hangs nobody", async (fate) => {
    const stage = { module: DYING, options: { fate } satisfies HelperProgram };
    const timeouts = { lookupTimeoutMs: fate === "exits" ? 30_000 : 500 };
    await withEngine(options({ memory, stage, ...timeouts }), async (engine) => {
      let lost: unknown;
      for (let turn = 0; turn < MOST_TURNS && lost === undefined; turn += 1) {
        const settled = await Promise.allSettled(work.map((one) => engine.lookup(one)));
        lost = settled.find((outcome) => outcome.status === "rejected")?.reason;
      }
      expect(lost).toEqual(expect.objectContaining({ code: fate === "exits" ? "EMBEDDING_RANK_LOST" : "EMBEDDING_TIMEOUT" }));
    });
  });

  it("close() ends everything while ranks help each other", async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const engine = await openEngine(options({ memory, lagBound: 4 }));
      const open = Promise.allSettled(Array.from({ length: 100 }, (_, n) => engine.lookup(work[n % work.length])));
      await engine.lookup(work[0]);
      await engine.close();
      for (const outcome of await open) {
        if (outcome.status === "rejected") expect(outcome.reason).toEqual(expect.objectContaining({ code: "EMBEDDING_CLOSED" }));
      }
    }
  });
});

describe("without work stealing", () => {
  it("nobody helps, and the ranks gather what the plan gave them", async () => {
    const work = Array.from({ length: 12 }, () => batch(200));
    await withEngine(options({ workStealing: false }), async (engine) => {
      await valuesOf(engine, work);
      const { ranks } = engine.stats();
      expect(ranks.map(({ stolenRows: rows, helpMs, waitForHelpersMs }) => [rows, helpMs, waitForHelpersMs])).toEqual([
        [0, 0, 0],
        [0, 0, 0],
      ]);
      const rowsOf = (name: string): number => {
        const at = features.findIndex((feature) => feature.name === name) * 200;
        return work.reduce((sum, { offsets }) => sum + offsets[at + 200] - offsets[at], 0);
      };
      const { plan } = engine;
      const hotRank = plan.shards[plan.tables.find(({ name }) => name === "hot")?.shards[0] ?? 0].rank;
      expect(ranks[hotRank].gatheredRows).toBeGreaterThanOrEqual(rowsOf("hot"));
    });
  });

  it.each([
    [{ workStealing: "yes" }, /workStealing: got "yes", expected true or false/],
    [{ stealUnitBytes: 0 }, /stealUnitBytes: got 0, expected an integer from 1 to 1073741824/],
  ])("options are refused by name: %j", async (wrong, message) => {
    await expect(openEngine({ ...options(), ...wrong } as EngineOptions)).rejects.toEqual(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(message) }),
    );
  });
});
