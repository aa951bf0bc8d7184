/** Lookups that have to be refused: one good batch, spoilt in one place each. */
import type { Pooling } from "#host/options.js";
import type { ReferenceBatch } from "#host/reference.js";
import type { BadCase } from "./case.js";
import { keyedBadCases } from "./keyed.js";
import { randomBag, randomTable, seededRandom } from "./random.js";

const SEED = 0xbad;
const NUM_ROWS = 29;
const DIM = 7;
/** Three features of three samples, two rows in every bag. */
const POOLINGS: readonly Pooling[] = ["sum", "mean", "none"];
/** Two tables, so that two bad indices can be met by two ranks. */
const TABLES = ["t", "u", "t"] as const;
const BATCH_SIZE = 3;
const BAG_ROWS = 2;
const INDEX_COUNT = POOLINGS.length * BATCH_SIZE * BAG_ROWS;
const LAST_OFFSET = POOLINGS.length * BATCH_SIZE;

type Expected = Pick<BadCase, "code" | "place">;

/** What a bad batch has instead of the good one's. */
interface Fault extends Partial<Pick<ReferenceBatch, "indices" | "offsets" | "weights">> {
  poolings?: readonly Pooling[];
  /** Of every feature. */
  paddingIndex?: number;
}

/** All lookups to refuse, by their names, with the error to expect. */
export function badCases(): BadCase[] {
  const random = seededRandom(SEED);
  const tables = new Map(TABLES.map((name) => [name, randomTable(random, { numRows: NUM_ROWS, dim: DIM })]));
  const good = Int32Array.from(randomBag(random, NUM_ROWS, INDEX_COUNT));
  const good64 = BigInt64Array.from(good, BigInt);
  const offsets = Int32Array.from({ length: LAST_OFFSET + 1 }, (_, bag) => bag * BAG_ROWS);
  const bad = (name: string, expected: Expected, fault: Fault): BadCase => ({
    name,
    ...expected,
    ...spoil({ indices: good, offsets }, fault),
    tables,
  });
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const mismatch = (position: number): Expected => ({ code: "EMBEDDING_OFFSETS", place: { position } });
  const weights = (place: Expected["place"]): Expected => ({ code: "EMBEDDING_WEIGHTS", place });
  return [
    bad("INDEX_OUT_OF_RANGE negative", badIndex(9), { indices: good.with(9, -1) }),
    bad("INDEX_OUT_OF_RANGE too large", badIndex(0), { indices: good.with(0, NUM_ROWS) }),
    bad("INDEX_OUT_OF_RANGE largest", badIndex(17), { indices: good.with(17, 0x7fff_ffff) }),
    bad("INDEX_OUT_OF_RANGE not pooled", badIndex(14), { indices: good.with(14, -NUM_ROWS) }),
    bad("INDEX_OUT_OF_RANGE lowest of two", badIndex(4), { indices: good.with(11, -1).with(4, NUM_ROWS) }),
    bad("INDEX_OUT_OF_RANGE as padding", badIndex(3), { indices: good.with(3, -1), paddingIndex: -1 }),
    bad("INDEX_OUT_OF_RANGE int64 low word valid", badIndex(9), { indices: good64.with(9, 2n ** 32n + 5n) }),
    bad("INDEX_OUT_OF_RANGE int64 negative", badIndex(2), { indices: good64.with(2, -1n) }),
    bad("INDEX_OUT_OF_RANGE int64 low word negative", badIndex(5), { indices: good64.with(5, 0xffff_ffffn) }),
    bad("INDEX_OUT_OF_RANGE int64 smallest", badIndex(15), { indices: good64.with(15, -(2n ** 63n)) }),
    bad("OFFSETS_NOT_MONOTONE", fallingOffset(5), { offsets: offsets.with(5, 7) }),
    bad("OFFSETS_NOT_MONOTONE negative", fallingOffset(1), { offsets: offsets.with(1, -1) }),
    // Left open which is named, the offset past the end or the one that falls back; what counts: no read through it.
    bad("OFFSETS_NOT_MONOTONE past the end", { code: "EMBEDDING_OFFSETS", place: {} }, { offsets: offsets.with(4, 1000) }),
    bad("OFFSETS_MISMATCH first not 0", mismatch(0), { offsets: offsets.with(0, 1) }),
    bad("OFFSETS_MISMATCH last too small", mismatch(LAST_OFFSET), {
      offsets: offsets.with(LAST_OFFSET, INDEX_COUNT - 1),
    }),
    bad("OFFSETS_MISMATCH last too large", mismatch(LAST_OFFSET), {
      offsets: offsets.with(LAST_OFFSET, INDEX_COUNT + 1),
    }),
    bad("WEIGHTS_WITH_MEAN", weights({ feature: featureName(1) }), { weights: ones(INDEX_COUNT) }),
    bad("WEIGHTS_WITH_MAX", weights({ feature: featureName(2) }), {
      weights: ones(INDEX_COUNT),
      poolings: ["sum", "none", "max"],
    }),
    bad("WEIGHTS_LENGTH short", weights({}), { weights: ones(INDEX_COUNT - 1), poolings: ["sum", "none", "sum"] }),
    bad("WEIGHTS_LENGTH long", weights({}), { weights: ones(INDEX_COUNT + 1), poolings: ["sum", "none", "sum"] }),
    ...keyedBadCases(),
  ];
}

type Arrays = Pick<ReferenceBatch, "indices" | "offsets">;

function spoil(good: Arrays, fault: Fault): Pick<BadCase, "features" | "batch"> {
  const { poolings = POOLINGS, paddingIndex, ...arrays } = fault;
  const padding = paddingIndex === undefined ? {} : { paddingIndex };
  const features = poolings.map((pooling, f) => ({ name: featureName(f), table: TABLES[f], pooling, ...padding }));
  return { features, batch: { batchSize: BATCH_SIZE, ...good, ...arrays } };
}

function featureName(feature: number): string {
  return `f${feature}`;
}

/** The bag that an index of the good batch is in. */
function badIndex(position: number): Expected {
  return { code: "EMBEDDING_INDEX_RANGE", place: { ...bagPlace(Math.floor(position / BAG_ROWS)), position } };
}

/** An offset that is less than the one before spoils the bag that it ends. */
function fallingOffset(position: number): Expected {
  return { code: "EMBEDDING_OFFSETS", place: { ...bagPlace(position - 1), position } };
}

function bagPlace(bag: number): Pick<BadCase["place"], "feature" | "sample"> {
  return { feature: featureName(Math.floor(bag / BATCH_SIZE)), sample: bag % BATCH_SIZE };
}
