import { EmbeddingError } from "../errors.js";
import { type FloatArray, flatten, type IndexArray, isMatrix, type Matrix, toFloats, toIndices, toPositions } from "./arrays.js";

/** Indices: one-dimensional with offsets, or bags of one length: { data, shape: [bags, length] }, or an array of rows. */
export type BagInput = IndexArray | Matrix<IndexArray> | readonly (Int32Array | BigInt64Array | readonly number[])[];

/** One weight for each index, in the input's own shape. */
export type BagWeights = FloatArray | Matrix<FloatArray> | readonly (Float32Array | readonly number[])[];

/** Bags as the engine takes them. */
export interface Bags {
  count: number;
  indices: Int32Array | BigInt64Array;
  /** count + 1 long. */
  offsets: Int32Array;
  weights: Float32Array | undefined;
}

function wrong(message: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_BATCH", message);
}

/** Makes bags of what torch's EmbeddingBag.forward takes. Its offsets are written to a buffer that the next call overwrites. */
export class BagReader {
  readonly #includeLastOffset: boolean;
  #bounds = new Int32Array(1);

  constructor(includeLastOffset: boolean) {
    this.#includeLastOffset = includeLastOffset;
  }

  /**
   * Rules between the arguments are checked here; contents (falling offsets, bad indices) by the lookup.
   * @throws EmbeddingError EMBEDDING_BATCH, EMBEDDING_OFFSETS, EMBEDDING_WEIGHTS
   */
  read(input: BagInput, offsets: IndexArray | null | undefined, weights: BagWeights | null | undefined): Bags {
    return isMatrix(input) ? this.#readMatrix(input, offsets, weights) : this.#readJagged(input, offsets, weights);
  }

  #readMatrix(input: BagInput, offsets: unknown, weights: BagWeights | null | undefined): Bags {
    if (offsets !== undefined && offsets !== null) {
      throw wrong("offsets: got an array, expected none: the input is two-dimensional, its rows are the bags");
    }
    const { data, rows, columns } = flatten("input", input, toIndices);
    const bounds = this.#boundsOf(rows);
    for (let bag = 0; bag <= rows; bag += 1) bounds[bag] = bag * columns;
    if (weights === undefined || weights === null) return { count: rows, indices: data, offsets: bounds, weights: undefined };
    if (!isMatrix(weights)) throw shapeError("an array of one dimension", `the input's shape [${rows}, ${columns}]`);
    const flat = flatten("perSampleWeights", weights, toFloats);
    if (flat.rows !== rows || flat.columns !== columns) {
      throw shapeError(`shape [${flat.rows}, ${flat.columns}]`, `the input's shape [${rows}, ${columns}]`);
    }
    return { count: rows, indices: data, offsets: bounds, weights: flat.data };
  }

  #readJagged(input: BagInput, offsets: IndexArray | null | undefined, weights: BagWeights | null | undefined): Bags {
    const indices = toIndices("input", input);
    if (offsets === undefined || offsets === null) {
      throw wrong("offsets: got none, expected where each bag starts: the input is one-dimensional");
    }
    const given = toPositions("offsets", offsets);
    let floats: Float32Array | undefined;
    if (weights !== undefined && weights !== null) {
      if (isMatrix(weights)) throw shapeError("two dimensions", "one dimension, as the input has");
      floats = toFloats("perSampleWeights", weights);
      if (floats.length !== indices.length) throw shapeError(`${floats.length} weights`, `${indices.length}, one for each index`);
    }
    if (this.#includeLastOffset) {
      if (given.length === 0) throw new EmbeddingError("EMBEDDING_OFFSETS", "offsets: got none, expected at least the last offset");
      return { count: given.length - 1, indices, offsets: given, weights: floats };
    }
    const count = given.length;
    const last = count === 0 ? 0 : given[count - 1];
    if (last > indices.length) {
      const details = { position: count - 1, got: last, expected: `at most ${indices.length}` };
      throw new EmbeddingError(
        "EMBEDDING_OFFSETS",
        `offsets[${count - 1}]: got ${last}, expected at most ${indices.length}, the number of indices`,
        details,
      );
    }
    const bounds = this.#boundsOf(count);
    bounds.set(given);
    bounds[count] = indices.length;
    return { count, indices, offsets: bounds, weights: floats };
  }

  /** count + 1 positions. */
  #boundsOf(count: number): Int32Array {
    if (this.#bounds.length !== count + 1) this.#bounds = new Int32Array(count + 1);
    return this.#bounds;
  }
}

function shapeError(got: string, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_WEIGHTS", `perSampleWeights: got ${got}, expected ${expected}`, { got, expected });
}
