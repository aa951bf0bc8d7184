/** Seeded data for tests and benchmarks: the same numbers on every run and machine. */
import type { ReferenceBatch, ReferenceFeature, ReferenceTable } from "#host/reference.js";

/** The next number of a sequence, [0, 1). */
export type Random = () => number;

const TWO_TO_32 = 2 ** 32;
const DEFAULT_MEAN_BAG_ROWS = 4;

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to spread test data. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / TWO_TO_32;
  };
}

/** A table with values in [-1, 1). */
export function randomTable(random: Random, { numRows, dim }: { numRows: number; dim: number }): ReferenceTable {
  return { numRows, dim, rows: Float32Array.from({ length: numRows * dim }, () => 2 * random() - 1) };
}

/** Indices of one bag, each row as likely as any other. */
export function randomBag(random: Random, numRows: number, length: number): number[] {
  return Array.from({ length }, () => uniformIndex(random, numRows));
}

/** Weights in [-1, 1), every eighth of them 0. */
export function randomWeights(random: Random, length: number): Float32Array {
  return Float32Array.from({ length }, (_, position) => (position % 8 === 7 ? 0 : 2 * random() - 1));
}

export interface RandomBatchOptions {
  tables: ReadonlyMap<string, ReferenceTable>;
  features: readonly ReferenceFeature[];
  batchSize: number;
  /** Which rows are asked for: all alike, or row r in proportion to about 1 / (r + 1). Default "uniform". */
  access?: "uniform" | "zipf";
  /** Mean rows in a bag, default 4. Lengths fall off exponentially: many bags are empty, a few are long. */
  meanBagRows?: number;
  /** BigInt64Array instead of Int32Array, default false. */
  int64?: boolean;
  /** With weights; only for features with pooling "sum" and "none". Default false. */
  weighted?: boolean;
}

/** A valid batch of uneven bags for these features. */
export function randomBatch(random: Random, options: RandomBatchOptions): ReferenceBatch {
  const { tables, features, batchSize, meanBagRows = DEFAULT_MEAN_BAG_ROWS } = options;
  const nextIndex = options.access === "zipf" ? zipfIndex : uniformIndex;
  const bags = features.flatMap(({ table }) => {
    const numRows = tables.get(table)?.numRows;
    if (numRows === undefined) throw new Error(`no table "${table}", expected one of ${[...tables.keys()].join(", ")}`);
    return Array.from({ length: batchSize }, () => {
      const length = Math.round(-Math.log(1 - random()) * meanBagRows);
      return Array.from({ length }, () => nextIndex(random, numRows));
    });
  });
  const flat = flattenBags(bags, options.int64 ?? false);
  const weights = options.weighted ? { weights: randomWeights(random, flat.indices.length) } : {};
  return { batchSize, ...flat, ...weights };
}

/** Bags as the arrays of a batch. */
export function flattenBags(bags: readonly (readonly number[])[], int64: boolean): Pick<ReferenceBatch, "indices" | "offsets"> {
  const offsets = new Int32Array(bags.length + 1);
  for (const [b, bag] of bags.entries()) offsets[b + 1] = offsets[b] + bag.length;
  const all = bags.flat();
  return { indices: int64 ? BigInt64Array.from(all, BigInt) : Int32Array.from(all), offsets };
}

function uniformIndex(random: Random, numRows: number): number {
  return Math.floor(random() * numRows);
}

/** The logarithm of a Zipf-distributed rank, exponent 1, is close to uniform: no table of probabilities is needed. */
function zipfIndex(random: Random, numRows: number): number {
  return Math.min(numRows, Math.floor((numRows + 1) ** random())) - 1;
}
