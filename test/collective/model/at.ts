/**
 * Where a rank or the caller is in its loop. Reading the doorbell touches nothing but the reader, so it is one act with the
 * step before it.
 */
export const At = {
  /** The doorbell is read; next is to look at everything. */
  look: 0,
  /** The same, and the bell has rung since. */
  rung: 1,
  /** In Atomics.wait or waitAsync, and the bell has not rung. */
  asleep: 2,
  /** Between the first and the last byte of a step. */
  writing: 3,
  /** Decided to sleep; only a mutant rests here. */
  dozing: 4,
  /** Does a unit of its own step (stealing-model.ts). */
  pooling: 5,
  /** Has seen the offer of another rank, and not yet taken of it. */
  reaching: 6,
  /** Does a unit of another rank's step. */
  helping: 7,
} as const;

/** In the middle of something: no look, no settling of a stage before its end. */
export function isAtWork(at: number): boolean {
  return at === At.writing || at > At.dozing;
}
