import { EmbeddingError } from "../errors.js";
import { tagOf } from "../lookup/batch.js";
import type { RowSource } from "../options.js";
import { show } from "../resolve.js";

/**
 * The rows of a table, [numEmbeddings, embeddingDim], read once and not kept: a Float32Array, an array of rows, chunks of any length,
 * or a function that writes rows [first, first + count) to `out`.
 */
export type EmbeddingWeight = Exclude<RowSource, AsyncIterable<Float32Array>> | readonly (readonly number[])[];

function isRows(weight: unknown): weight is readonly (readonly number[])[] {
  return Array.isArray(weight) && Array.isArray(weight[0]);
}

/**
 * A weight as the engine takes it.
 * @throws EmbeddingError EMBEDDING_OPTIONS when it is missing
 */
export function rowsOf(name: string, weight: EmbeddingWeight | undefined, embeddingDim: number): RowSource {
  if (weight === undefined || weight === null) {
    throw new EmbeddingError(
      "EMBEDDING_OPTIONS",
      `${name}: got ${show(weight)}, expected the rows: this is inference, no table is made of random numbers here as torch does`,
      { got: weight, expected: "rows" },
    );
  }
  if (!isRows(weight)) return weight;
  const rows = weight;
  return (first, count, out) => {
    for (let n = 0; n < count; n += 1) {
      const row = rows[first + n];
      if (row?.length !== embeddingDim || row.some((value) => typeof value !== "number")) {
        throw new Error(
          `row ${first + n}: got ${row === undefined ? "nothing" : `${row.length} values`}, expected ${embeddingDim} numbers`,
        );
      }
      out.set(row, n * embeddingDim);
    }
  };
}

/**
 * The shape of a pretrained weight: what was said, and what follows from the weight itself.
 * @throws EmbeddingError EMBEDDING_OPTIONS when they do not agree, or do not tell
 */
export function shapeOf(
  weight: EmbeddingWeight,
  said: { numEmbeddings: number | undefined; embeddingDim: number | undefined },
): { numEmbeddings: number; embeddingDim: number } {
  const rows = Array.isArray(weight) && weight.length > 0 ? (weight as readonly ArrayLike<number>[]) : undefined;
  const sameLength = rows?.every((row) => row.length === rows[0].length) === true;
  const embeddingDim = said.embeddingDim ?? (rows !== undefined && sameLength ? rows[0].length : undefined);
  if (embeddingDim === undefined) {
    throw new EmbeddingError(
      "EMBEDDING_OPTIONS",
      "embeddingDim: got undefined, expected it, or a weight that is an array of rows of one length",
    );
  }
  let values: number | undefined;
  if (tagOf(weight) === "Float32Array") values = (weight as Float32Array).length;
  else if (rows !== undefined) values = rows.reduce((sum, row) => sum + row.length, 0);
  const numEmbeddings = said.numEmbeddings ?? (values === undefined ? undefined : values / embeddingDim);
  if (numEmbeddings === undefined) {
    throw new EmbeddingError("EMBEDDING_OPTIONS", "numEmbeddings: got undefined, expected it: only an array tells how many rows it has");
  }
  if (!Number.isInteger(numEmbeddings) && said.numEmbeddings === undefined && embeddingDim > 0) {
    const got = `${values} values`;
    throw new EmbeddingError("EMBEDDING_OPTIONS", `weight: got ${got}, expected a multiple of embeddingDim ${embeddingDim}`, { got });
  }
  return { numEmbeddings, embeddingDim };
}
