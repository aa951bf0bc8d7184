import type { StepTrace } from "../lag/history.js";

/** What the traces of a run say of a rank's credits. */
export interface RankCredits {
  /** Credits that the rank had left when it had pooled a step, over the steps in the mean: 0 to lagBound + 1. */
  mean: number;
  /** Share of the steps that it had pooled without leave to publish them. */
  without: number;
}

/**
 * A rank that has pooled step t may publish it while the slowest rank has released more than t - lagBound - 1 steps. Credits left = lagBound + 1 -
 * (t - steps released by the slowest), by the ranks' own clocks, rank by rank. traces: in order, without gaps.
 */
export function creditsByRank(traces: readonly StepTrace[], lagBound: number): RankCredits[] {
  const ranks = traces[0]?.ranks.length ?? 0;
  return Array.from({ length: ranks }, (_, rank): RankCredits => {
    // Steps pooled one after the other: what the others have released only grows.
    const released = new Array<number>(ranks).fill(0);
    let sum = 0;
    let without = 0;
    traces.forEach(({ ranks: traced }, t) => {
      const nowMs = traced[rank].writeEndMs;
      for (let peer = 0; peer < ranks; peer += 1) {
        while (released[peer] < traces.length && traces[released[peer]].ranks[peer].finishEndMs <= nowMs) released[peer] += 1;
      }
      const left = Math.max(0, lagBound + 1 - (t - Math.min(...released)));
      sum += left;
      if (left === 0) without += 1;
    });
    return { mean: sum / traces.length, without: without / traces.length };
  });
}
