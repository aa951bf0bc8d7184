import type { PlainBatch, PlainJob, PlainVariant } from "./lookup.js";

/** The loops that one writes first: bag by bag, row by row, column by column. */
export const SIMPLE_LOOPS: PlainVariant = { name: "simple nested loops", lookup: simpleLoops, fits: () => true };

function simpleLoops({ features, columns, out }: PlainJob, { batchSize, indices, offsets }: PlainBatch): number {
  for (let f = 0; f < features.length; f += 1) {
    const { rows, dim, column } = features[f];
    for (let sample = 0; sample < batchSize; sample += 1) {
      const bag = f * batchSize + sample;
      const to = sample * columns + column;
      for (let d = 0; d < dim; d += 1) out[to + d] = 0;
      for (let position = offsets[bag]; position < offsets[bag + 1]; position += 1) {
        const from = indices[position] * dim;
        for (let d = 0; d < dim; d += 1) out[to + d] += rows[from + d];
      }
    }
  }
  return 0;
}
