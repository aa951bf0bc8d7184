/**
 * Bags of many rows. A block of columns is summed over the whole bag in locals, which V8 keeps in registers: no load or store of a partial
 * sum. The bag's rows are walked once a block, but from the first-level cache, where touches have put them while the bag before was summed.
 * Sums in locals are doubles, rounded once at the end, so the last bits differ from the engine's.
 *
 * Tried and no faster: Math.fround around every sum, blocks of 16, two rows at a time, touches two bags ahead. One function for the loops of a
 * feature is faster than one for a bag, and touches must be straight code: a loop over a row's lines takes back half of what they bring.
 */
import { type Bags, overFeatures, type PlainFeature, type PlainJob, type PlainVariant } from "./lookup.js";

const dimsOf =
  (block: number): PlainVariant["fits"] =>
  ({ dims }) =>
    dims.every((dim) => dim % block === 0);
/** Touches are written for rows of two, four and eight lines. */
const someLines: PlainVariant["fits"] = ({ dims }) => dims.every((dim) => dim === 32 || dim === 64 || dim === 128);

/** The ways to sum bags of any size. */
export const BAG_VARIANTS: readonly PlainVariant[] = [
  { name: "blocks of 8", lookup: overFeatures(sumBy8), fits: dimsOf(8) },
  { name: "blocks of 8, next bag touched", lookup: overFeatures(sumBy8Touched), fits: someLines },
  { name: "blocks of 4, next bag touched", lookup: overFeatures(sumBy4Touched), fits: someLines },
  { name: "rows by 8, next bag touched", lookup: overFeatures(sumRowsTouched), fits: someLines },
];

/** Reads one word of each cache line of some rows. */
function touchRows(words: Int32Array, indices: Int32Array, { start, end, dim }: { start: number; end: number; dim: number }): number {
  let live = 0;
  if (dim === 64) {
    for (let position = start; position < end; position += 1) {
      const from = indices[position] << 6;
      live ^= words[from] ^ words[from + 16] ^ words[from + 32] ^ words[from + 48];
    }
  } else if (dim === 32) {
    for (let position = start; position < end; position += 1) {
      const from = indices[position] << 5;
      live ^= words[from] ^ words[from + 16];
    }
  } else {
    for (let position = start; position < end; position += 1) {
      const from = indices[position] << 7;
      live ^= words[from] ^ words[from + 16] ^ words[from + 32] ^ words[from + 48];
      live ^= words[from + 64] ^ words[from + 80] ^ words[from + 96] ^ words[from + 112];
    }
  }
  return live;
}

function sumBy8({ rows, dim, column }: PlainFeature, { columns, out }: PlainJob, { batchSize, indices, offsets, firstBag }: Bags): number {
  for (let sample = 0; sample < batchSize; sample += 1) {
    const start = offsets[firstBag + sample];
    const end = offsets[firstBag + sample + 1];
    for (let d = 0; d < dim; d += 8) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      let sum4 = 0;
      let sum5 = 0;
      let sum6 = 0;
      let sum7 = 0;
      for (let position = start; position < end; position += 1) {
        // The "| 0" spares V8 a check that the sum is an int32.
        const from = (Math.imul(indices[position], dim) + d) | 0;
        sum0 += rows[from];
        sum1 += rows[from + 1];
        sum2 += rows[from + 2];
        sum3 += rows[from + 3];
        sum4 += rows[from + 4];
        sum5 += rows[from + 5];
        sum6 += rows[from + 6];
        sum7 += rows[from + 7];
      }
      const to = sample * columns + column + d;
      out[to] = sum0;
      out[to + 1] = sum1;
      out[to + 2] = sum2;
      out[to + 3] = sum3;
      out[to + 4] = sum4;
      out[to + 5] = sum5;
      out[to + 6] = sum6;
      out[to + 7] = sum7;
    }
  }
  return 0;
}

function sumBy8Touched(
  { rows, words, dim, column }: PlainFeature,
  { columns, out }: PlainJob,
  { batchSize, indices, offsets, firstBag }: Bags,
): number {
  let live = 0;
  for (let sample = 0; sample < batchSize; sample += 1) {
    const start = offsets[firstBag + sample];
    const end = offsets[firstBag + sample + 1];
    if (sample + 1 < batchSize) live ^= touchRows(words, indices, { start: end, end: offsets[firstBag + sample + 2], dim });
    for (let d = 0; d < dim; d += 8) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      let sum4 = 0;
      let sum5 = 0;
      let sum6 = 0;
      let sum7 = 0;
      for (let position = start; position < end; position += 1) {
        const from = (Math.imul(indices[position], dim) + d) | 0;
        sum0 += rows[from];
        sum1 += rows[from + 1];
        sum2 += rows[from + 2];
        sum3 += rows[from + 3];
        sum4 += rows[from + 4];
        sum5 += rows[from + 5];
        sum6 += rows[from + 6];
        sum7 += rows[from + 7];
      }
      const to = sample * columns + column + d;
      out[to] = sum0;
      out[to + 1] = sum1;
      out[to + 2] = sum2;
      out[to + 3] = sum3;
      out[to + 4] = sum4;
      out[to + 5] = sum5;
      out[to + 6] = sum6;
      out[to + 7] = sum7;
    }
  }
  return live;
}

function sumBy4Touched(
  { rows, words, dim, column }: PlainFeature,
  { columns, out }: PlainJob,
  { batchSize, indices, offsets, firstBag }: Bags,
): number {
  let live = 0;
  for (let sample = 0; sample < batchSize; sample += 1) {
    const start = offsets[firstBag + sample];
    const end = offsets[firstBag + sample + 1];
    if (sample + 1 < batchSize) live ^= touchRows(words, indices, { start: end, end: offsets[firstBag + sample + 2], dim });
    for (let d = 0; d < dim; d += 4) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let position = start; position < end; position += 1) {
        const from = (Math.imul(indices[position], dim) + d) | 0;
        sum0 += rows[from];
        sum1 += rows[from + 1];
        sum2 += rows[from + 2];
        sum3 += rows[from + 3];
      }
      const to = sample * columns + column + d;
      out[to] = sum0;
      out[to + 1] = sum1;
      out[to + 2] = sum2;
      out[to + 3] = sum3;
    }
  }
  return live;
}

/** Reads each row once, from end to end; the sums lie in the output. */
function sumRowsTouched(
  { rows, words, dim, column }: PlainFeature,
  { columns, out }: PlainJob,
  { batchSize, indices, offsets, firstBag }: Bags,
): number {
  let live = 0;
  for (let sample = 0; sample < batchSize; sample += 1) {
    const start = offsets[firstBag + sample];
    const end = offsets[firstBag + sample + 1];
    if (sample + 1 < batchSize) live ^= touchRows(words, indices, { start: end, end: offsets[firstBag + sample + 2], dim });
    const to = sample * columns + column;
    out.fill(0, to, to + dim);
    for (let position = start; position < end; position += 1) {
      const from = Math.imul(indices[position], dim);
      for (let d = 0; d < dim; d += 8) {
        out[to + d] += rows[from + d];
        out[to + d + 1] += rows[from + d + 1];
        out[to + d + 2] += rows[from + d + 2];
        out[to + d + 3] += rows[from + d + 3];
        out[to + d + 4] += rows[from + d + 4];
        out[to + d + 5] += rows[from + d + 5];
        out[to + d + 6] += rows[from + d + 6];
        out[to + d + 7] += rows[from + d + 7];
      }
    }
  }
  return live;
}
