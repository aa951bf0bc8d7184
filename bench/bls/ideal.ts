/** What delays allow at best. */
export interface Ideal {
  /** Sum over the steps of the slowest rank's time: no synchronous run is faster. */
  synchronousMs: number;
  /** The time of the rank that takes longest over all steps: no run at all is faster. */
  unboundedMs: number;
  /** synchronousMs / unboundedMs. */
  gain: number;
}

/**
 * ```
 * gain = (sum over steps of max over ranks of X) / (max over ranks of sum over steps of X)
 * ```
 * @param times how long each rank took in each step, in milliseconds, row-major [steps, ranks]
 */
export function idealGain(times: Float64Array, ranks: number): Ideal {
  const perRank = new Float64Array(ranks);
  let synchronousMs = 0;
  for (let step = 0; step < times.length; step += ranks) {
    let slowest = 0;
    for (let rank = 0; rank < ranks; rank += 1) {
      const time = times[step + rank];
      perRank[rank] += time;
      slowest = Math.max(slowest, time);
    }
    synchronousMs += slowest;
  }
  const unboundedMs = Math.max(...perRank);
  return { synchronousMs, unboundedMs, gain: synchronousMs / unboundedMs };
}
