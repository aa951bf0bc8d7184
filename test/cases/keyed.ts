/** Lookups whose indices are no row numbers: keys of every kind, there and missing, modulo, hash. */
import type { Pooling } from "#host/options.js";
import type { ReferenceFeature, ReferenceTable } from "#host/reference.js";
import type { BadCase, Case } from "./case.js";
import { type Random, randomTable, randomWeights, seededRandom } from "./random.js";

const SEED = 0x6b657973;
const POOLINGS: readonly Pooling[] = ["sum", "mean", "max", "none"];
const WEIGHTABLE: readonly Pooling[] = ["sum", "none"];
const DIM = 7;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** Of row n; 32-bit halves repeat, and every special value is there. */
const KEYS = BigInt64Array.of(
  ...[0n, -1n, 1n, INT64_MIN, INT64_MAX, 2n ** 32n, 2n ** 32n + 1n, 5n, 5n + 2n ** 32n, 5n - 2n ** 32n, -(2n ** 31n), 2n ** 31n, 42n],
  ...Array.from({ length: 16 }, (_, n) => BigInt(n) * 2n ** 40n + 7n),
);
const KEY = [...KEYS];
/** Keys that no table here has; the first differs from a key in its upper half only. */
const MISSING = [2n ** 33n, 6n, -2n, INT64_MIN + 1n, INT64_MAX - 1n, 2n ** 63n - 2n ** 32n];
/** Keys of 32 bits, for Int32Array indices. */
const SMALL = [0n, -1n, 1n, 5n, 42n, -(2n ** 31n)];

interface Keyed {
  bags: readonly (readonly bigint[])[];
  table?: Partial<ReferenceTable>;
  paddingIndex?: number | bigint;
  weighted?: boolean;
  int32?: boolean;
  poolings?: readonly Pooling[];
}

/** Lookups that work. */
export function keyedCases(): Case[] {
  const random = seededRandom(SEED);
  const keyed = (name: string, options: Keyed): Case => keyedCase(random, name, options);
  const pick = (length: number): bigint[] => Array.from({ length }, () => KEY[Math.floor(random() * KEY.length)]);
  const uneven = [[], pick(1), pick(2), pick(3), pick(9), pick(140), []];
  const defaultRow = Float32Array.from({ length: DIM }, () => 2 * random() - 1);
  const missing = [[MISSING[0]], [MISSING[1], KEY[3]], [KEY[3], MISSING[2]], [KEY[1], MISSING[3], KEY[2]], MISSING, [KEY[0]], []];
  const modulo = { indexing: "modulo" } as const;
  const hash = { indexing: "hash" } as const;
  const edges = [
    [0n],
    [-1n],
    [INT64_MIN],
    [INT64_MAX, 1n],
    [29n, 28n, -29n, -30n],
    [2n ** 32n, -(2n ** 32n)],
    [2n ** 32n - 1n, 2n ** 31n],
    [],
  ];
  return [
    keyed("KEYS uneven bags", { bags: uneven }),
    keyed("KEYS all of them", { bags: [KEY, KEY.toReversed(), ...KEY.map((key) => [key])] }),
    keyed("KEYS EMPTY_BAGS", { bags: [[], pick(2), [], []] }),
    keyed("KEYS ALL_EMPTY", { bags: [[], []] }),
    keyed("KEYS BATCH_OF_ZERO", { bags: [] }),
    keyed("KEYS ONE_ROW", { bags: [[KEY[0]], [KEY[1]], [KEY[28]], [MISSING[0]]] }),
    keyed("KEYS SINGLE_SAMPLE", { bags: [[KEY[7], MISSING[0], KEY[8]]] }),
    keyed("KEYS SINGLE_SAMPLE missing", { bags: [[MISSING[0]]], table: { defaultRow } }),
    keyed("KEYS HUGE_BAG", { bags: [pick(2), [...pick(2500), ...MISSING, ...pick(2500)], pick(1)] }),
    keyed("KEYS of 32 bits", { bags: [SMALL, [SMALL[1]], [3n, -7n], [SMALL[5], 9n]], int32: true, table: { defaultRow } }),
    keyed("KEYS missing, zeros", { bags: missing }),
    keyed("KEYS missing, a row", { bags: missing, table: { defaultRow } }),
    keyed("KEYS missing, NaN and -0", { bags: missing, table: { defaultRow: defaultRow.with(2, Number.NaN).fill(-0, 4) } }),
    keyed("KEYS all missing", { bags: [MISSING, [MISSING[4]]], table: { defaultRow } }),
    keyed("KEYS weighted", { bags: [...uneven, ...missing], weighted: true, table: { defaultRow } }),
    keyed("KEYS padding", {
      bags: [[KEY[4]], [KEY[4], KEY[1]], [MISSING[0], KEY[4]], MISSING],
      paddingIndex: INT64_MAX,
      table: { defaultRow },
    }),
    keyed("KEYS padding -1", { bags: [[-1n], [-1n, 0n], [0n], [1n, -1n, 1n]], paddingIndex: -1 }),
    keyed("KEYS padding weighted", { bags: [[KEY[4]], [KEY[4], KEY[1], MISSING[0]], [KEY[2]]], paddingIndex: KEY[4], weighted: true }),
    keyed("KEYS padding missing", { bags: [[6n], [6n, KEY[1], 6n], [MISSING[0], 6n], [KEY[1]]], paddingIndex: 6, table: { defaultRow } }),
    keyed("KEYS padding missing, refused", {
      bags: [[6n], [6n, KEY[1], 6n], [KEY[1]]],
      paddingIndex: 6n,
      table: { missingKey: "error" },
      poolings: ["sum", "mean", "max"],
    }),
    keyed("KEYS refused, none missing", { bags: uneven, table: { missingKey: "error" } }),
    keyed("KEYS of one row", { bags: [[9n], [], [9n, 8n, 9n]], table: { numRows: 1, keys: BigInt64Array.of(9n), defaultRow } }),
    keyed("MODULO", { bags: edges, table: modulo }),
    keyed("MODULO of 32 bits", {
      bags: [
        [0n, -1n],
        [29n, -29n, -30n],
        [-(2n ** 31n), 2n ** 31n - 1n],
      ],
      table: modulo,
      int32: true,
    }),
    keyed("MODULO padding", { bags: [[-1n], [-1n, 28n], [57n, -1n, 28n]], paddingIndex: -1, table: modulo }),
    keyed("MODULO weighted", { bags: edges, weighted: true, table: modulo }),
    keyed("MODULO one row", { bags: edges, table: { ...modulo, numRows: 1 } }),
    keyed("HASH", { bags: edges, table: hash }),
    keyed("HASH of 32 bits", {
      bags: [
        [0n, -1n],
        [29n, -29n, -30n],
        [-(2n ** 31n), 2n ** 31n - 1n],
      ],
      table: hash,
      int32: true,
    }),
    keyed("HASH padding", { bags: [[3n], [3n, 4n], [5n, 3n, 6n], edges.flat()], paddingIndex: 3n, table: hash }),
    keyed("HASH weighted", { bags: edges, weighted: true, table: hash }),
    mixed(random),
  ];
}

/** Lookups of keys that are missing and refused. */
export function keyedBadCases(): BadCase[] {
  const random = seededRandom(SEED + 1);
  const bad = (name: string, [feature, sample, position]: [number, number, number], options: Keyed): BadCase => ({
    ...keyedCase(random, name, { ...options, table: { missingKey: "error" } }),
    code: "EMBEDDING_KEY_MISSING",
    place: { feature: `by ${(options.poolings ?? POOLINGS)[feature]}`, sample, position },
  });
  return [
    bad("KEY_MISSING alone", [0, 0, 0], { bags: [[MISSING[0]]] }),
    bad("KEY_MISSING last", [0, 2, 4], { bags: [[KEY[1]], [KEY[0], KEY[2]], [KEY[5], MISSING[0]]] }),
    bad("KEY_MISSING lowest of many", [0, 1, 2], { bags: [[KEY[1]], [KEY[0], 6n, -2n], MISSING] }),
    bad("KEY_MISSING behind a block", [0, 0, 100], { bags: [[...Array.from({ length: 100 }, () => 0n), MISSING[3]], [KEY[1]]] }),
    bad("KEY_MISSING of 32 bits", [0, 1, 1], { bags: [[-1n], [-2n]], int32: true }),
    bad("KEY_MISSING not pooled", [0, 1, 2], { bags: [[KEY[1], KEY[2]], [6n]], poolings: ["none"] }),
    bad("KEY_MISSING padding, not pooled", [0, 0, 1], { bags: [[KEY[1], 6n]], paddingIndex: 6, poolings: ["none"] }),
    bad("KEY_MISSING behind missing padding", [0, 1, 2], { bags: [[6n, KEY[1]], [MISSING[0]]], paddingIndex: 6n }),
    bad("KEY_MISSING weighted", [0, 0, 1], { bags: [[KEY[1], 6n]], weighted: true, poolings: WEIGHTABLE }),
  ];
}

function keyedCase(random: Random, name: string, options: Keyed): Case {
  const { bags, weighted = false, paddingIndex } = options;
  const poolings = options.poolings ?? (weighted ? WEIGHTABLE : POOLINGS);
  const padding = paddingIndex === undefined ? {} : { paddingIndex };
  const features = poolings.map((pooling) => ({ name: `by ${pooling}`, table: "t", pooling, ...padding }));
  const numRows = options.table?.numRows ?? KEYS.length;
  const keys = options.table?.indexing === undefined ? { keys: KEYS } : {};
  const table = { ...randomTable(random, { numRows, dim: DIM }), ...keys, ...options.table };
  const batch = flatten(
    features.flatMap(() => bags),
    options.int32 ?? false,
  );
  const weights = weighted ? { weights: randomWeights(random, batch.indices.length) } : {};
  return { name, tables: new Map([["t", table]]), features, batch: { batchSize: bags.length, ...batch, ...weights } };
}

/** Tables of every kind in one lookup, several features on each. */
function mixed(random: Random): Case {
  const keys = BigInt64Array.from({ length: 300 }, (_, row) => BigInt(row) * 2n ** 33n - 5n);
  const tables = new Map<string, ReferenceTable>([
    ["keyed", { ...randomTable(random, { numRows: 300, dim: 33 }), keys, defaultRow: new Float32Array(33).fill(0.25) }],
    ["plain", randomTable(random, { numRows: 50, dim: 5 })],
    ["hash", { ...randomTable(random, { numRows: 31, dim: 16 }), indexing: "hash" }],
    ["modulo", { ...randomTable(random, { numRows: 7, dim: 3 }), indexing: "modulo" }],
  ]);
  const features: ReferenceFeature[] = [
    { name: "a", table: "keyed", pooling: "mean", paddingIndex: -5n },
    { name: "b", table: "plain", pooling: "sum", paddingIndex: -1 },
    { name: "c", table: "hash", pooling: "none" },
    { name: "d", table: "keyed", pooling: "none" },
    { name: "e", table: "modulo", pooling: "max", paddingIndex: -8 },
    { name: "f", table: "hash", pooling: "mean", paddingIndex: 12 },
    { name: "g", table: "keyed", pooling: "sum" },
  ];
  const batchSize = 11;
  const bags = features.flatMap(({ table }) =>
    Array.from({ length: batchSize }, () =>
      Array.from({ length: Math.floor(random() * 9) }, () => {
        const number = Math.floor(random() * 50);
        if (table === "plain") return BigInt(number);
        return table === "keyed" && number < 40 ? keys[number * 7] : BigInt(number) - 20n;
      }),
    ),
  );
  return { name: "KEYS, MODULO, HASH, rows mixed", tables, features, batch: { batchSize, ...flatten(bags, false) } };
}

function flatten(bags: readonly (readonly bigint[])[], int32: boolean): { indices: Int32Array | BigInt64Array; offsets: Int32Array } {
  const offsets = Int32Array.of(0, ...bags.map(() => 0));
  for (const [b, bag] of bags.entries()) offsets[b + 1] = offsets[b] + bag.length;
  const all = bags.flat();
  return { indices: int32 ? Int32Array.from(all, Number) : BigInt64Array.from(all), offsets };
}
