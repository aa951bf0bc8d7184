/**
 * The plain lookup: the oracle that every kernel and every road through the engine is held against. Slow on purpose.
 *
 * ```
 * for every picked feature f, in order; T is its table
 *   for every sample s
 *     bag = indices[offsets[f * batchSize + s] .. offsets[f * batchSize + s + 1])
 *     row(index) = index, which is in [0, T.numRows); or, as T says,
 *                  the row of the key; of a key that is not there the default row, behind T's last row
 *                  index mod T.numRows, not negative; or floor(hash(index) * T.numRows / 2^64)
 *     none: append the bag's rows to jagged[f], padding too, without weights
 *     sum, mean, max:
 *       counted = the bag without f's padding index
 *       vectors = T.rows[row(index)], or fround(weight * T.rows[row(index)]), for index of counted
 *       partial = fold(vectors of one shard's rows), for each shard that has any; a table not cut by rows is one shard
 *       pooled  = fold(partials, in shard order); mean: fround(pooled / count(counted)); nothing counted: +0, +0, ...
 *       values[s, columns of f] = pooled
 *
 * fold(first, ...rest): acc = copy of first; for x of rest, element by element:
 *   sum, mean: acc = fround(acc + x)
 *   max:       acc = max(acc, x)           any NaN gives NaN, max(-0, +0) = +0
 * ```
 * A fold starts from its first vector, not from 0: so -0 survives, and a bag of one row is that row, bit for bit.
 * fround(a op b) of two floats is what float arithmetic gives for sums, products and quotients.
 */
import { EmbeddingError, type EmbeddingErrorCode, type ErrorDetails } from "./errors.js";
import type { Indexing, Pooling } from "./options.js";

/** A table's values, row-major: numRows * dim of them. */
export interface ReferenceTable {
  numRows: number;
  dim: number;
  rows: Float32Array;
  /** Key of each row: then indices are keys. */
  keys?: BigInt64Array;
  /** Default "default": a key that is not there is defaultRow. */
  missingKey?: "default" | "error";
  /** Default zeros. */
  defaultRow?: Float32Array;
  /** Default "row". */
  indexing?: Indexing;
}

/** A picked feature, resolved: what of its options the result depends on. */
export interface ReferenceFeature {
  name: string;
  /** Name of its table. */
  table: string;
  pooling: Pooling;
  /** Index that does not count, -numRows to numRows - 1, negative counts from the end; as the batch gives it where indices are no rows. */
  paddingIndex?: number | bigint;
  /** First row of each row-wise shard, ascending, the first 0; default [0], not cut by rows. */
  rowShardStarts?: readonly number[];
}

/** Bags of all picked features, feature-major. */
export interface ReferenceBatch {
  batchSize: number;
  indices: Int32Array | BigInt64Array;
  /** features * batchSize + 1 long; bag b is indices [offsets[b], offsets[b + 1]). */
  offsets: Int32Array;
  /** One for each index. */
  weights?: Float32Array;
}

/** The rows of a feature that is not pooled: sample s has rows [offsets[s], offsets[s + 1]) of values. */
export interface ReferenceJagged {
  values: Float32Array;
  /** batchSize + 1 long, first 0. */
  offsets: Int32Array;
}

/** What a lookup gives; all arrays are the caller's. */
export interface ReferenceResult {
  /** Row-major [batchSize, columns of all pooled features]. */
  values: Float32Array;
  /** First column of each pooled feature, and at the end the number of columns. */
  columnOffsets: number[];
  /** The features with pooling "none", by name. */
  jagged: Map<string, ReferenceJagged>;
}

/** One picked feature of a batch. */
interface FeatureBags {
  feature: ReferenceFeature;
  table: ReferenceTable;
  batch: ReferenceBatch;
  /** Its bag of sample 0, among all bags of the batch. */
  firstBag: number;
}

interface BagEntry {
  /** Of a missing key numRows. */
  row: number;
  /** The row's values, a view of the table. */
  vector: Float32Array;
  /** Absent in a batch without weights. */
  weight: number | undefined;
}

const UNCUT: readonly number[] = [0];

/**
 * Looks up a batch as the pseudocode above says.
 *
 * Errors, in this order: EMBEDDING_BATCH (number of offsets), EMBEDDING_OFFSETS (names the first offset that is wrong
 * and, if it is less than the one before, the bag that it ends), EMBEDDING_WEIGHTS, EMBEDDING_FEATURE_UNKNOWN (no such
 * table), EMBEDDING_INDEX_RANGE or EMBEDDING_KEY_MISSING (the lowest position; padding that is pooled is never missing).
 */
export function referenceLookup(
  tables: ReadonlyMap<string, ReferenceTable>,
  features: readonly ReferenceFeature[],
  batch: ReferenceBatch,
): ReferenceResult {
  checkOffsets(features, batch);
  checkWeights(features, batch);

  const { batchSize } = batch;
  const columnOffsets = [0];
  const pooled: Float32Array[][] = [];
  const jagged = new Map<string, ReferenceJagged>();
  for (const [f, feature] of features.entries()) {
    const table = tableOf(tables, feature);
    const bags = { feature, table, batch, firstBag: f * batchSize };
    if (feature.pooling === "none") {
      jagged.set(feature.name, rowsAsTheyAre(bags));
    } else {
      pooled.push(Array.from({ length: batchSize }, (_, sample) => poolBag(bags, sample)));
      columnOffsets.push(columnOffsets[columnOffsets.length - 1] + table.dim);
    }
  }

  const columnCount = columnOffsets[pooled.length];
  const values = new Float32Array(batchSize * columnCount);
  for (const [p, vectors] of pooled.entries()) {
    for (const [sample, vector] of vectors.entries()) values.set(vector, sample * columnCount + columnOffsets[p]);
  }
  return { values, columnOffsets, jagged };
}

/** The entries of one bag that count, each index checked. */
function readBag({ feature, table, batch, firstBag }: FeatureBags, sample: number): BagEntry[] {
  const { indices, offsets, weights } = batch;
  const padding = feature.pooling === "none" ? undefined : paddingOf(feature, table);
  const bag: BagEntry[] = [];
  for (let position = offsets[firstBag + sample]; position < offsets[firstBag + sample + 1]; position++) {
    const index = BigInt(indices[position]);
    if (index === padding) continue;
    const row = rowOf(table, index);
    if (row === undefined) {
      const place = { feature: feature.name, table: feature.table, sample, position };
      const [code, expected] =
        table.keys === undefined
          ? (["EMBEDDING_INDEX_RANGE", `0 to ${table.numRows - 1}`] as const)
          : (["EMBEDDING_KEY_MISSING", `one of ${table.keys.length} keys`] as const);
      throw wrong(code, `indices[${position}]`, { ...place, got: index, expected });
    }
    const vector =
      row < table.numRows ? table.rows.subarray(row * table.dim, (row + 1) * table.dim) : (table.defaultRow ?? new Float32Array(table.dim));
    bag.push({ row, vector, weight: weights?.[position] });
  }
  return bag;
}

/** The row of an index, numRows for the default row, undefined where there is none. */
function rowOf(table: ReferenceTable, index: bigint): number | undefined {
  const { numRows, indexing = "row", missingKey = "default" } = table;
  const rows = BigInt(numRows);
  if (table.keys !== undefined) return rowsByKey(table.keys).get(index) ?? (missingKey === "default" ? numRows : undefined);
  if (indexing === "modulo") return Number(((index % rows) + rows) % rows);
  if (indexing === "hash") return Number((splitMix64(index) * rows) / 2n ** 64n);
  return index >= 0n && index < rows ? Number(index) : undefined;
}

const keyMaps = new WeakMap<BigInt64Array, Map<bigint, number>>();

function rowsByKey(keys: BigInt64Array): Map<bigint, number> {
  const known = keyMaps.get(keys);
  if (known !== undefined) return known;
  const made = new Map(Array.from(keys, (key, row) => [key, row]));
  keyMaps.set(keys, made);
  return made;
}

/** The first number that the generator SplitMix64 gives when it starts from `seed`, 0 to 2^64 - 1. */
function splitMix64(seed: bigint): bigint {
  const word = (value: bigint): bigint => value & 0xffff_ffff_ffff_ffffn;
  let z = word(seed + 0x9e37_79b9_7f4a_7c15n);
  z = word((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = word((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}

/** The vector of one bag. */
function poolBag(bags: FeatureBags, sample: number): Float32Array {
  const { pooling, rowShardStarts = UNCUT } = bags.feature;
  const counted = readBag(bags, sample);
  if (counted.length === 0) return new Float32Array(bags.table.dim);

  const combine = pooling === "max" ? Math.max : add;
  const shards: Float32Array[][] = rowShardStarts.map(() => []);
  for (const entry of counted) shards[rowShardStarts.findLastIndex((start) => start <= entry.row)].push(weighted(entry));
  const partials = shards.filter((vectors) => vectors.length > 0).map((vectors) => fold(vectors, combine));
  const total = fold(partials, combine);
  return pooling === "mean" && counted.length > 1 ? total.map((sum) => sum / counted.length) : total;
}

/** One or more vectors, combined from first to last into a new one. Storing to a Float32Array is Math.fround. */
function fold(vectors: readonly Float32Array[], combine: (a: number, b: number) => number): Float32Array {
  const [first, ...rest] = vectors;
  const result = first.slice(); // copies bytes: a NaN that becomes a number may lose its payload
  for (const vector of rest) {
    for (let d = 0; d < result.length; d++) result[d] = combine(result[d], vector[d]);
  }
  return result;
}

function add(a: number, b: number): number {
  return a + b;
}

function weighted({ vector, weight }: BagEntry): Float32Array {
  return weight === undefined ? vector : vector.map((value) => weight * value);
}

/** The rows of all samples of one feature, one behind the other. */
function rowsAsTheyAre(bags: FeatureBags): ReferenceJagged {
  const { table, batch, firstBag } = bags;
  const ownOffsets = batch.offsets.slice(firstBag, firstBag + batch.batchSize + 1);
  const offsets = ownOffsets.map((offset) => offset - ownOffsets[0]);
  const values = new Float32Array(offsets[batch.batchSize] * table.dim);
  for (let sample = 0; sample < batch.batchSize; sample++) {
    const bag = readBag(bags, sample);
    for (const [n, { vector }] of bag.entries()) values.set(vector, (offsets[sample] + n) * table.dim);
  }
  return { values, offsets };
}

/** The index that does not count, as batches give it, or undefined. */
function paddingOf({ paddingIndex }: ReferenceFeature, { numRows, keys, indexing = "row" }: ReferenceTable): bigint | undefined {
  if (paddingIndex === undefined) return undefined;
  const isRow = keys === undefined && indexing === "row";
  return BigInt(paddingIndex) + (isRow && paddingIndex < 0 ? BigInt(numRows) : 0n);
}

function tableOf(tables: ReadonlyMap<string, ReferenceTable>, feature: ReferenceFeature): ReferenceTable {
  const table = tables.get(feature.table);
  if (table !== undefined) return table;
  const expected = `one of ${[...tables.keys()].join(", ")}`;
  throw wrong("EMBEDDING_FEATURE_UNKNOWN", "table", { feature: feature.name, got: feature.table, expected });
}

function checkOffsets(features: readonly ReferenceFeature[], { batchSize, indices, offsets }: ReferenceBatch): void {
  const bagCount = features.length * batchSize;
  if (offsets.length !== bagCount + 1) {
    throw wrong("EMBEDDING_BATCH", "offsets.length", { got: offsets.length, expected: bagCount + 1 });
  }
  if (offsets[0] !== 0) throw wrong("EMBEDDING_OFFSETS", "offsets[0]", { position: 0, got: offsets[0], expected: 0 });
  for (let bag = 0; bag < bagCount; bag++) {
    const position = bag + 1;
    if (offsets[position] >= offsets[bag]) continue;
    const place = { feature: features[Math.floor(bag / batchSize)].name, sample: bag % batchSize, position };
    const expected = `${offsets[bag]} or more, as the one before`;
    throw wrong("EMBEDDING_OFFSETS", `offsets[${position}]`, { ...place, got: offsets[position], expected });
  }
  if (offsets[bagCount] !== indices.length) {
    const details = { position: bagCount, got: offsets[bagCount], expected: indices.length };
    throw wrong("EMBEDDING_OFFSETS", `the last, offsets[${bagCount}]`, details);
  }
}

function checkWeights(features: readonly ReferenceFeature[], { indices, weights }: ReferenceBatch): void {
  if (weights === undefined) return;
  const refusing = features.find(({ pooling }) => pooling === "mean" || pooling === "max");
  if (refusing !== undefined) {
    const details = { feature: refusing.name, got: refusing.pooling, expected: "sum or none" };
    throw wrong("EMBEDDING_WEIGHTS", "pooling of a lookup with weights", details);
  }
  if (weights.length !== indices.length) {
    throw wrong("EMBEDDING_WEIGHTS", "weights.length", { got: weights.length, expected: indices.length });
  }
}

function wrong(code: EmbeddingErrorCode, what: string, details: ErrorDetails): EmbeddingError {
  const { feature, sample, got, expected } = details;
  const where = (feature === undefined ? "" : `feature "${feature}", `) + (sample === undefined ? "" : `sample ${sample}, `);
  return new EmbeddingError(code, `${where}${what}: got ${got}, expected ${expected}`, details);
}
