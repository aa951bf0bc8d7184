export { exponential, partSeed, type Random, seededRandom } from "#host/lab/random.js";

/**
 * Writes values in [-1, 1) for elements [first, first + out.length) of a table. A value depends on the seed and the element's number
 * only, so whoever asks, in whatever pieces, gets the same table.
 */
export function fillElements(seed: number, first: number, out: Float32Array): void {
  for (let n = 0; n < out.length; n += 1) {
    let mixed = Math.imul((first + n) ^ seed, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    out[n] = (mixed >> 8) / 2 ** 23;
  }
}
