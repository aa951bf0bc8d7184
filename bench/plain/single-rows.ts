/**
 * Bags of exactly one row: the sum is a copy. Offsets need not be read, bag b is index b.
 *
 * Copies as Float64Array move two floats at once. Such a double is a NaN, whose bits a copy need not keep, only if its second float is infinite
 * or a NaN; the benchmarks' rows are neither.
 */
import { type Bags, overFeatures, type PlainBatch, type PlainFeature, type PlainJob, type PlainVariant } from "./lookup.js";

/** Rows that are touched and then copied. 16 are nearly as good, 64 are worse, and so is one touch before each copy. */
const CHUNK = 32;

const single: PlainVariant["fits"] = ({ bagSize }) => bagSize === 1;
/** Rows of one cache line, so that one touch brings in a row and two times 8 floats are all of it. */
const oneLine: PlainVariant["fits"] = ({ dims, bagSize }) => bagSize === 1 && dims.every((dim) => dim === 16);

/** The ways to copy rows. */
export const SINGLE_ROW_VARIANTS: readonly PlainVariant[] = [
  { name: "subarray and set", lookup: overFeatures(setSubarrays), fits: single },
  { name: "copies by 8", lookup: overFeatures(copyBy8), fits: oneLine },
  { name: "copies by 8, 32 rows touched before", lookup: overFeatures(copyBy8Touched), fits: oneLine },
  { name: "copies as Float64Array, 32 rows touched before", lookup: overFeatures(copyPairsTouched), fits: oneLine },
  { name: "copies as Float64Array, sample by sample, its rows touched before", lookup: copySamples, fits: oneLine },
];

/** Copies 8 floats. Small enough that V8 compiles it into its callers. */
function copyFloats(rows: Float32Array, from: number, out: Float32Array, to: number): void {
  out[to] = rows[from];
  out[to + 1] = rows[from + 1];
  out[to + 2] = rows[from + 2];
  out[to + 3] = rows[from + 3];
  out[to + 4] = rows[from + 4];
  out[to + 5] = rows[from + 5];
  out[to + 6] = rows[from + 6];
  out[to + 7] = rows[from + 7];
}

/** Copies 16 floats. The same text as copyFloats, but not the same function: one that sees both kinds of arrays is slow with either. */
function copyPairs(pairs: Float64Array, from: number, outPairs: Float64Array, to: number): void {
  outPairs[to] = pairs[from];
  outPairs[to + 1] = pairs[from + 1];
  outPairs[to + 2] = pairs[from + 2];
  outPairs[to + 3] = pairs[from + 3];
  outPairs[to + 4] = pairs[from + 4];
  outPairs[to + 5] = pairs[from + 5];
  outPairs[to + 6] = pairs[from + 6];
  outPairs[to + 7] = pairs[from + 7];
}

function setSubarrays({ rows, dim, column }: PlainFeature, { columns, out }: PlainJob, { batchSize, indices, firstBag }: Bags): number {
  for (let sample = 0; sample < batchSize; sample += 1) {
    const from = indices[firstBag + sample] * dim;
    out.set(rows.subarray(from, from + dim), sample * columns + column);
  }
  return 0;
}

function copyBy8({ rows, column }: PlainFeature, { columns, out }: PlainJob, { batchSize, indices, firstBag }: Bags): number {
  for (let sample = 0; sample < batchSize; sample += 1) {
    const from = indices[firstBag + sample] << 4;
    const to = sample * columns + column;
    copyFloats(rows, from, out, to);
    copyFloats(rows, from + 8, out, to + 8);
  }
  return 0;
}

function copyBy8Touched({ rows, words, column }: PlainFeature, { columns, out }: PlainJob, { batchSize, indices, firstBag }: Bags): number {
  let live = 0;
  for (let first = 0; first < batchSize; first += CHUNK) {
    const end = Math.min(first + CHUNK, batchSize);
    for (let sample = first; sample < end; sample += 1) live ^= words[indices[firstBag + sample] << 4];
    for (let sample = first; sample < end; sample += 1) {
      const from = indices[firstBag + sample] << 4;
      const to = sample * columns + column;
      copyFloats(rows, from, out, to);
      copyFloats(rows, from + 8, out, to + 8);
    }
  }
  return live;
}

function copyPairsTouched(
  { pairs, words, column }: PlainFeature,
  { columns, outPairs }: PlainJob,
  { batchSize, indices, firstBag }: Bags,
): number {
  let live = 0;
  for (let first = 0; first < batchSize; first += CHUNK) {
    const end = Math.min(first + CHUNK, batchSize);
    for (let sample = first; sample < end; sample += 1) live ^= words[indices[firstBag + sample] << 4];
    for (let sample = first; sample < end; sample += 1)
      copyPairs(pairs, indices[firstBag + sample] << 3, outPairs, (sample * columns + column) >> 1);
  }
  return live;
}

/** Writes the output from end to end. For batches of one sample this is the only way to have several rows on their way at once. */
function copySamples({ features, columns, outPairs }: PlainJob, { batchSize, indices }: PlainBatch): number {
  let live = 0;
  for (let sample = 0; sample < batchSize; sample += 1) {
    for (let f = 0; f < features.length; f += 1) live ^= features[f].words[indices[f * batchSize + sample] << 4];
    for (let f = 0; f < features.length; f += 1) {
      const { pairs, column } = features[f];
      copyPairs(pairs, indices[f * batchSize + sample] << 3, outPairs, (sample * columns + column) >> 1);
    }
  }
  return live;
}
