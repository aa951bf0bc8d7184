import { type Counters, distance } from "./collective/counters.js";

/** Who holds a step up. */
export interface Stall {
  /** The rank that the others, or the caller, wait for. */
  rank: number;
  /** A rank that waits for it, where there is one. */
  peer?: number;
  /** A sentence for people. */
  text: string;
}

/**
 * Follows the counters from a step that is not over to the rank that holds it up: a rank that has not published the step although
 * it may, or has everything and does not finish.
 */
export function explainStall(counters: Counters, step: number, ordinal: number): Stall {
  const { ranks } = counters;
  const late = (rank: number): boolean => distance(counters.released(rank), step) <= 0;
  for (let receiver = 0; receiver < ranks; receiver += 1) {
    if (!late(receiver)) continue;
    for (let source = 0; source < ranks; source += 1) {
      if (source === receiver || distance(counters.published(source, receiver), step) > 0) continue;
      return { rank: source, peer: receiver, text: `rank ${source} has not published step ${ordinal} to rank ${receiver}` };
    }
  }
  for (let rank = 0; rank < ranks; rank += 1) {
    if (late(rank)) return { rank, text: `rank ${rank} has every message of step ${ordinal} and has not finished its slice` };
  }
  return { rank: 0, text: `step ${ordinal} is over and the caller has not noticed` };
}
