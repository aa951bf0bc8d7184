import { EmbeddingError } from "../errors.js";
import { tagOf } from "../lookup/batch.js";
import type { FloatTableOptions, PackedRowSource, PackedTableOptions, RowSource } from "../options.js";
import { show } from "../resolve.js";
import type { RowDtype } from "../rows/rows.js";

/**
 * The rows of a table, [numEmbeddings, embeddingDim], read once and not kept: a Float32Array, an array of rows, chunks of any length,
 * or a function that writes rows [first, first + count) to `out`.
 */
export type EmbeddingWeight = Exclude<RowSource, AsyncIterable<Float32Array>> | readonly (readonly number[])[];

/** Rows that are quantised already: as EmbeddingWeight, but bytes, each row packed as docs/formats.md draws it. */
export type PackedWeight = Exclude<PackedRowSource, AsyncIterable<Uint8Array>>;

/** The rows of an EmbeddingBag, as floats or packed. */
export type WeightOptions = { weight: EmbeddingWeight; packed?: false } | { weight: PackedWeight; packed: true };

/** A table's rows without its name and shape. */
type Source = Pick<FloatTableOptions, "dtype" | "rows"> | Pick<PackedTableOptions, "dtype" | "rows" | "packed">;

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
 * The rows of an EmbeddingBag as a table of the engine has them.
 * @throws EmbeddingError EMBEDDING_OPTIONS when they are missing
 */
export function sourceOf(options: WeightOptions & { dtype?: RowDtype | undefined }, embeddingDim: number): Source {
  const dtype = options.dtype === undefined ? {} : { dtype: options.dtype };
  if (options.packed !== true) return { ...dtype, rows: rowsOf("weight", options.weight, embeddingDim) };
  return { ...dtype, packed: true, rows: options.weight };
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
