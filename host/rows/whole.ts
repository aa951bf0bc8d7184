import { EmbeddingError } from "../errors.js";
import { ROW_DTYPES, type RowDtype, rowBytes } from "./dtype.js";

/** Rows in both forms; one of them is to be filled. */
export interface BothForms {
  dtype: RowDtype;
  dim: number;
  floats: Float32Array;
  packed: Uint8Array;
}

/** The number of rows, when both forms hold the same number of whole ones. Throws EMBEDDING_OPTIONS. */
export function checkWhole(what: string, { dtype, dim, floats, packed }: BothForms): number {
  if (!ROW_DTYPES.includes(dtype)) throw wrong(`${what}: dtype`, dtype, `one of ${ROW_DTYPES.join(", ")}`);
  if (!Number.isInteger(dim) || dim < 1) throw wrong(`${what}: dim`, dim, "an integer of 1 or more");
  const count = floats.length / dim;
  if (!Number.isInteger(count)) throw wrong(`${what}: values`, floats.length, `whole rows of ${dim}`);
  const bytes = count * rowBytes(dtype, dim);
  if (packed.length !== bytes) throw wrong(`${what}: bytes`, packed.length, `${bytes}: ${count} rows of ${dtype} x ${dim}`);
  return count;
}

function wrong(what: string, got: unknown, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_OPTIONS", `${what}: got ${String(got)}, expected ${expected}`, { got, expected });
}
