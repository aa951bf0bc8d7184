import { describe, expect, it } from "@jest/globals";
import { type EngineOptions, type FloatTableOptions, type KeySource, openEngine } from "lagbag";
import { openEngineSync } from "#host/open.js";
import type { ReferenceFeature, ReferenceTable } from "#host/reference.js";
import { referenceLookup } from "#host/reference.js";
import { type Random, randomTable, seededRandom } from "../cases.js";
import { MEMORY_MODES, withEngine } from "./open.js";

const NUM_ROWS = 10;
const DIM = 7;
const KEYS = BigInt64Array.from({ length: NUM_ROWS }, (_, n) => BigInt(n) * 2n ** 40n - 3n);
const TABLE = { ...randomTable(seededRandom(1), { numRows: NUM_ROWS, dim: DIM }), name: "t" };
const ALL = { batchSize: NUM_ROWS, indices: KEYS, offsets: Int32Array.from({ length: NUM_ROWS + 1 }, (_, n) => n) };

async function* chunks(length: number): AsyncGenerator<BigInt64Array> {
  for (let at = 0; at < NUM_ROWS; at += length) yield KEYS.subarray(at, at + length);
}

function options(table: Partial<FloatTableOptions>, more: Partial<EngineOptions> = {}): EngineOptions {
  return { tables: [{ ...TABLE, keys: KEYS, ...table }], ranks: 2, inline: "never", exchangeMemoryBytes: 16 * 2 ** 20, ...more };
}

describe.each(MEMORY_MODES)("memory %s", (memory) => {
  const sources: [string, () => KeySource][] = [
    ["an array", () => KEYS],
    ["an array on shared memory", () => new BigInt64Array(new SharedArrayBuffer(KEYS.byteLength)).map((_, n) => KEYS[n])],
    ["a list of arrays", () => [KEYS.subarray(0, 3), KEYS.subarray(3, 3), KEYS.subarray(3)]],
    ...[1, 3, 1000].map((n): [string, () => KeySource] => [`chunks of ${n}`, () => chunks(n)]),
  ];
  it.each(sources)("loads keys from %s into every cut", async (_, source) => {
    for (const sharding of ["table", "row", "column", { by: "row", shards: 5 } as const, { by: "column", shards: 3 } as const] as const) {
      await withEngine(options({ keys: source(), sharding }, { ranks: 3, memory }), async (engine) => {
        expect((await engine.lookup(ALL)).values).toEqual(TABLE.rows);
      });
    }
  });

  it("gives what a Map gives, over random keys, shardings and roads, lookups that are cut into steps included", async () => {
    const random = seededRandom(7);
    const numRows = 30_000;
    const distinct = new Set<bigint>();
    while (distinct.size < numRows) distinct.add(randomKey(random));
    const table: ReferenceTable = {
      ...randomTable(random, { numRows, dim: 8 }),
      keys: BigInt64Array.from(distinct),
      defaultRow: new Float32Array(8).fill(2),
    };
    const hash: ReferenceTable = { ...randomTable(random, { numRows: 1000, dim: 4 }), indexing: "hash" };
    const tables = new Map([
      ["t", table],
      ["h", hash],
    ]);
    const features: ReferenceFeature[] = [
      { name: "sum", table: "t", pooling: "sum", paddingIndex: [...distinct][5] },
      { name: "max", table: "t", pooling: "max" },
      { name: "rows", table: "t", pooling: "none" },
      { name: "hash", table: "h", pooling: "mean", paddingIndex: 3 },
    ];
    const keys = [...distinct];
    const batchOf = (batchSize: number) => {
      const offsets = new Int32Array(features.length * batchSize + 1);
      for (let bag = 1; bag < offsets.length; bag += 1) offsets[bag] = offsets[bag - 1] + Math.floor(random() * 12);
      const any = (): bigint => (random() < 0.8 ? keys[Math.floor(random() * 50) ** 2] : randomKey(random));
      return { batchSize, offsets, indices: BigInt64Array.from({ length: offsets[offsets.length - 1] }, any) };
    };
    for (const sharding of ["table", "row", "column"] as const) {
      const opened: EngineOptions = {
        tables: [...tables].map(([name, one]) => ({ name, ...one, sharding })),
        features,
        ranks: 2,
        lagBound: 1,
        memory,
        inline: "never",
        exchangeMemoryBytes: 2 ** 21,
      };
      await withEngine(opened, async (engine) => {
        const starts = features.map((feature) => {
          const { shards, by } = engine.plan.tables[feature.table === "t" ? 0 : 1];
          return by === "row" ? { ...feature, rowShardStarts: shards.map((s) => engine.plan.shards[s].firstRow) } : feature;
        });
        const batches = [1, 30, 200, 3000, 2, 77].map(batchOf);
        const results = await Promise.all(batches.map((batch) => engine.lookup(batch)));
        for (const [n, result] of results.entries()) {
          const want = referenceLookup(tables, starts, batches[n]);
          expect(result.values).toEqual(want.values);
          expect(result.jagged("rows").values).toEqual(want.jagged.get("rows")?.values);
          expect(engine.lookupSync(batches[n]).values).toEqual(want.values);
        }
        expect(engine.stats().cutLookups).toBeGreaterThan(0);
      });
    }
  });

  it("counts keys and the bytes of their indexes, a copy for each memory", async () => {
    await withEngine(options({ sharding: "column" }, { memory }), (engine) => {
      const { keyIndexBytes } = engine.plan.tables[0];
      expect(keyIndexBytes).toBe(4 * 64);
      expect(engine.stats().memory).toMatchObject({ keys: NUM_ROWS, keyIndexBytes: memory === "two" ? 2 * keyIndexBytes : keyIndexBytes });
    });
  });

  it("measures the inline limit with keys that are there", async () => {
    const keyed = options({ missingKey: "error" }, { memory, inline: "auto" });
    const plain = { ...TABLE, name: "plain" };
    await withEngine({ ...keyed, tables: [...keyed.tables, plain] }, (engine) => {
      expect(engine.stats()).toMatchObject({ failedLookups: 0, lookups: 0 });
      expect(engine.stats().inline.limitBytes).toBeGreaterThan(0);
    });
  });
});

function randomKey(random: Random): bigint {
  return BigInt.asIntN(64, (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32)));
}

describe("a missing key", () => {
  it("is named with all its 64 bits, where it is", async () => {
    await withEngine(options({ missingKey: "error" }), async (engine) => {
      const key = -(2n ** 63n) + 12345n;
      const batch = { batchSize: 2, indices: BigInt64Array.of(KEYS[3], KEYS[4], key), offsets: Int32Array.of(0, 1, 3) };
      const want = {
        code: "EMBEDDING_KEY_MISSING",
        message: 'indices[2] (feature "t", sample 1): got key -9223372036854763463, expected one of its table\'s 10 keys',
        got: key,
        feature: "t",
        sample: 1,
        position: 2,
      };
      await expect(engine.lookup(batch)).rejects.toEqual(expect.objectContaining(want));
      expect(() => engine.lookupSync(batch)).toThrow(expect.objectContaining(want));
      expect((await engine.lookup(ALL)).values).toEqual(TABLE.rows);
    });
  });

  it("fails its own lookup alone when it shares a step with others", async () => {
    await withEngine(options({ missingKey: "error" }, { lagBound: 0 }), async (engine) => {
      const bad = { ...ALL, indices: KEYS.with(7, 7n) };
      const settled = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => engine.lookup(n % 3 === 1 ? bad : ALL)));
      settled.forEach((outcome, n) => {
        if (n % 3 === 1)
          expect(outcome).toMatchObject({ status: "rejected", reason: { code: "EMBEDDING_KEY_MISSING", position: 7, got: 7n } });
        else expect(outcome.status === "fulfilled" && outcome.value.values).toEqual(TABLE.rows);
      });
      expect(engine.stats().coalescedLookups).toBeGreaterThan(0);
    });
  });

  it("reaches a stage as the default row", async () => {
    const stage = { module: `data:text/javascript,export const createStage = () => ({ run: (features) => features });` };
    const defaultRow = Float32Array.from({ length: DIM }, (_, n) => n + 0.5);
    for (const sharding of ["table", "row", "column"] as const) {
      await withEngine(options({ defaultRow, sharding }, { stage }), async (engine) => {
        const { values } = await engine.lookup({ batchSize: 2, indices: BigInt64Array.of(8n, KEYS[9]), offsets: Int32Array.of(0, 1, 2) });
        expect([...values]).toEqual([...defaultRow, ...TABLE.rows.subarray(9 * DIM)]);
      });
    }
  });
});

describe("openEngine refuses, by code and name, and leaves nothing behind:", () => {
  it.each<[string, unknown, string, RegExp]>([
    ["too few keys", KEYS.subarray(1), "EMBEDDING_KEYS", /^table "t": got 9 keys, expected 10, one for each row/],
    ["too few keys in chunks", [KEYS.subarray(1)], "EMBEDDING_KEYS", /^table "t": got 9 keys, expected 10/],
    ["too many keys", new BigInt64Array(11), "EMBEDDING_KEYS", /^table "t": got 11 keys, expected 10/],
    ["too many keys in chunks", [KEYS, KEYS], "EMBEDDING_KEYS", /^table "t": got at least 20 keys, expected 10/],
    [
      "a key that comes twice",
      KEYS.with(8, KEYS[2]),
      "EMBEDDING_KEYS",
      /^table "t": key 2199023255549 comes twice, as row 2 and as row 8;/,
    ],
    [
      "a key that comes twice, in two chunks",
      [KEYS.subarray(0, 9), KEYS.subarray(0, 1)],
      "EMBEDDING_KEYS",
      /^table "t": key -3 comes twice, as row 0 and as row 9;/,
    ],
    [
      "chunks of another type",
      [new Int32Array(10)],
      "EMBEDDING_KEYS",
      /^table "t": keys gave a chunk of type Int32Array, expected BigInt64Array/,
    ],
    ["numbers", [1, 2, 3], "EMBEDDING_KEYS", /keys gave a chunk of type Number/],
    [
      "unsigned keys",
      new BigUint64Array(10),
      "EMBEDDING_KEYS",
      /^table "t": keys: got BigUint64Array, expected a BigInt64Array, or an iterable/,
    ],
    ["an Int32Array", new Int32Array(10), "EMBEDDING_KEYS", /^table "t": keys: got Int32Array/],
    ["no source", {}, "EMBEDDING_KEYS", /^table "t": keys: got Object, expected/],
    ["a string", "keys", "EMBEDDING_OPTIONS", /^tables\[0\].keys: got "keys", expected a BigInt64Array/],
    [
      "a source that fails",
      (async function* () {
        yield KEYS.subarray(0, 4);
        throw new Error("disk on fire");
      })(),
      "EMBEDDING_KEYS",
      /^table "t": keys failed after 4 of 10: disk on fire/,
    ],
  ])("%s", async (_, keys, code, message) => {
    await expect(openEngine(options({ keys: keys as KeySource }))).rejects.toEqual(
      expect.objectContaining({ name: "EmbeddingError", code, message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, object, RegExp]>([
    [
      "missingKey without keys",
      { keys: undefined, missingKey: "error" },
      /^tables\[0\].missingKey: got "error", expected none: the table has no keys/,
    ],
    ["defaultRow without keys", { keys: undefined, defaultRow: new Float32Array(DIM) }, /^tables\[0\].defaultRow: .*no keys/],
    ["keys and indexing", { indexing: "hash" }, /^tables\[0\].indexing: got "hash", expected none: the table has keys/],
    [
      "an indexing that is none",
      { keys: undefined, indexing: "mod" },
      /^tables\[0\].indexing: got "mod", expected "row", "modulo" or "hash"/,
    ],
    ["a missingKey that is none", { missingKey: "zeros" }, /^tables\[0\].missingKey: got "zeros", expected "default" or "error"/],
    ["a defaultRow that is too short", { defaultRow: new Float32Array(6) }, /^tables\[0\].defaultRow: got 6, expected 7 floats/],
    [
      "a defaultRow of another type",
      { defaultRow: [0, 0, 0, 0, 0, 0, 0] },
      /^tables\[0\].defaultRow: got "Array", expected a Float32Array of 7 floats/,
    ],
  ])("%s", async (_, table, message) => {
    const { keys, ...rest } = options(table as Partial<FloatTableOptions>).tables[0];
    const tables = [{ ...rest, ...(keys === undefined ? {} : { keys }) }];
    await expect(openEngine({ tables, ranks: 2 })).rejects.toEqual(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, unknown]>([
    ["a key of more than 64 bits", 2n ** 63n],
    ["a number that is not exact", 2 ** 60],
    ["a fraction", 1.5],
  ])("paddingIndex: %s", async (_, paddingIndex) => {
    const features = [{ name: "f", table: "t", paddingIndex: paddingIndex as bigint }];
    await expect(openEngine({ ...options({}), features })).rejects.toEqual(
      expect.objectContaining({
        code: "EMBEDDING_OPTIONS",
        message: expect.stringMatching(/^features\[0\].paddingIndex: got .*64-bit signed integer/),
      }),
    );
  });

  it("indexes and rows that do not fit, before a key is asked for", async () => {
    const keys = {
      [Symbol.iterator](): Iterator<BigInt64Array> {
        throw new Error("must not be asked for keys");
      },
    };
    const tables = [{ name: "big", numRows: 2 ** 28, dim: 1, rows: () => undefined, keys }];
    await expect(openEngine({ tables, ranks: 2 })).rejects.toEqual(
      expect.objectContaining({ code: expect.stringMatching(/^EMBEDDING_(MEMORY_LIMIT|PLAN)$/), got: expect.any(Number) }),
    );
  });
});

it("takes a bigint as padding of a table without keys, too", async () => {
  const { keys: _, ...table } = options({}).tables[0];
  const features = [{ name: "f", table: "t", paddingIndex: -1n }];
  await withEngine({ ...options({}), tables: [table], features }, (engine) => {
    const { values } = engine.lookupSync({ batchSize: 1, indices: Int32Array.of(9, 0), offsets: Int32Array.of(0, 2) });
    expect([...values]).toEqual([...TABLE.rows.subarray(0, DIM)]);
  });
});

describe("an engine without ranks", () => {
  it("takes keys, opened at once or not", async () => {
    const { tables } = options({ missingKey: "error" });
    const engine = openEngineSync({ tables });
    expect(engine.lookupSync(ALL).values).toEqual(TABLE.rows);
    expect(engine.stats().memory).toMatchObject({ keys: NUM_ROWS, keyIndexBytes: 4 * 64 });
    expect(() => engine.lookupSync({ ...ALL, indices: KEYS.with(3, 1n) })).toThrow(
      expect.objectContaining({ code: "EMBEDDING_KEY_MISSING", position: 3, got: 1n }),
    );
    await engine.close();
    await withEngine({ tables, ranks: 0 }, (other) => expect(other.lookupSync(ALL).values).toEqual(TABLE.rows));
  });

  it("is not opened at once with keys that have to be waited for, nor with wrong ones", () => {
    expect(() => openEngineSync({ tables: options({ keys: chunks(3) }).tables })).toThrow(
      expect.objectContaining({
        code: "EMBEDDING_OPTIONS",
        message: expect.stringMatching(/^table "t": keys: got "an async iterable", expected keys that are read without waiting/),
      }),
    );
    expect(() => openEngineSync({ tables: options({ keys: [KEYS, KEYS] }).tables })).toThrow(
      expect.objectContaining({ code: "EMBEDDING_KEYS", message: expect.stringMatching(/^table "t": got at least 20 keys, expected 10/) }),
    );
  });
});
