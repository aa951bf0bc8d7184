import { EmbeddingError } from "../errors.js";
import { type IndexArray, toPositions } from "./arrays.js";

/**
 * Offsets that were given, a private copy: what was checked stays so.
 * @throws EmbeddingError EMBEDDING_OFFSETS
 */
export function offsetsFrom(given: IndexArray, valueCount: number): Int32Array {
  const offsets = toPositions("offsets", given).slice();
  const wrong = (position: number, expected: string): EmbeddingError => {
    const got = offsets[position];
    return new EmbeddingError("EMBEDDING_OFFSETS", `offsets[${position}]: got ${got}, expected ${expected}`, { position, got, expected });
  };
  if (offsets.length === 0) throw new EmbeddingError("EMBEDDING_OFFSETS", "offsets: got none, expected at least the last offset");
  if (offsets[0] !== 0) throw wrong(0, "0");
  for (let n = 1; n < offsets.length; n += 1) {
    if (offsets[n] < offsets[n - 1]) throw wrong(n, `at least ${offsets[n - 1]}, offsets never fall`);
  }
  const last = offsets.length - 1;
  if (offsets[last] !== valueCount) throw wrong(last, `${valueCount}, the number of values`);
  return offsets;
}

/**
 * Offsets that follow from lengths.
 * @throws EmbeddingError EMBEDDING_OFFSETS
 */
export function offsetsOf(given: IndexArray, valueCount: number): Int32Array {
  const lengths = toPositions("lengths", given);
  const offsets = new Int32Array(lengths.length + 1);
  let sum = 0;
  for (let n = 0; n < lengths.length; n += 1) {
    if (lengths[n] < 0) {
      const details = { position: n, got: lengths[n], expected: "at least 0" };
      throw new EmbeddingError("EMBEDDING_OFFSETS", `lengths[${n}]: got ${lengths[n]}, expected at least 0`, details);
    }
    sum += lengths[n];
    offsets[n + 1] = sum;
  }
  if (sum !== valueCount) {
    const details = { got: sum, expected: valueCount };
    throw new EmbeddingError("EMBEDDING_OFFSETS", `lengths: got a sum of ${sum}, expected ${valueCount}, the number of values`, details);
  }
  return offsets;
}

/** The lengths that follow from offsets. */
export function lengthsOf(offsets: Int32Array): Int32Array {
  return offsets.subarray(1).map((offset, n) => offset - offsets[n]);
}
