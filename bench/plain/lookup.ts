/** What a plain TypeScript lookup reads of a feature and its table. */
export interface PlainFeature {
  /** Row-major, rows one behind the other. */
  rows: Float32Array;
  /** The same bytes, for early touches: an integer is cheaper to fold into a value that stays alive. */
  words: Int32Array;
  /** The same bytes, two floats at once, for copies. */
  pairs: Float64Array;
  dim: number;
  /** Its first column in the output. */
  column: number;
}

/** What it works on: made once, before anything is timed. */
export interface PlainJob {
  features: readonly PlainFeature[];
  /** Floats in an output row. */
  columns: number;
  /** [batchSize, columns], row-major. */
  out: Float32Array;
  /** The same bytes, two floats at once. */
  outPairs: Float64Array;
}

/** A batch as lagbag has it: feature-major bags of indices. */
export interface PlainBatch {
  batchSize: number;
  indices: Int32Array;
  offsets: Int32Array;
}

/**
 * Sums every bag into job.out. Returns what the early touches were folded into, which the caller has to keep: a value that nobody reads
 * is not computed.
 */
export type PlainLookup = (job: PlainJob, batch: PlainBatch) => number;

/** The bags of one feature. */
export interface Bags extends PlainBatch {
  /** Its bag of sample 0, among all bags of the batch. */
  firstBag: number;
}

/** The loops of one feature. */
export type FeatureLookup = (feature: PlainFeature, job: PlainJob, bags: Bags) => number;

/** One feature after the other. */
export function overFeatures(lookUpFeature: FeatureLookup): PlainLookup {
  return (job, { batchSize, indices, offsets }) => {
    let live = 0;
    for (let f = 0; f < job.features.length; f += 1)
      live ^= lookUpFeature(job.features[f], job, { batchSize, indices, offsets, firstBag: f * batchSize });
    return live;
  };
}

/** A way to write the loops. */
export interface PlainVariant {
  name: string;
  lookup: PlainLookup;
  /** Whether it can do this work. */
  fits: (work: { dims: readonly number[]; bagSize: number }) => boolean;
}

/** Makes a job for batches of at most `batchSize` samples. */
export function makePlainJob(tables: readonly { rows: Float32Array; dim: number }[], batchSize: number): PlainJob {
  let columns = 0;
  const features = tables.map(({ rows, dim }): PlainFeature => {
    const column = columns;
    columns += dim;
    const pairs = new Float64Array(rows.buffer, rows.byteOffset, Math.floor(rows.length / 2));
    return { rows, words: new Int32Array(rows.buffer, rows.byteOffset, rows.length), pairs, dim, column };
  });
  // An even number of floats, so that all of them are pairs.
  const bytes = new ArrayBuffer(Math.ceil((batchSize * columns) / 2) * 8);
  return { features, columns, out: new Float32Array(bytes, 0, batchSize * columns), outPairs: new Float64Array(bytes) };
}
