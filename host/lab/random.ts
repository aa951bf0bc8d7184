/** A source of floats in [0, 1). */
export type Random = () => number;

/** Mulberry32 (Tommy Ettinger, public domain): the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of the n-th part of something: parts that are close by must not be alike. */
export function partSeed(seed: number, part: number): number {
  return Math.imul(seed ^ Math.imul(part + 1, 0x9e3779b1), 0x85ebca6b) | 0;
}

/** Exponentially distributed numbers. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}
