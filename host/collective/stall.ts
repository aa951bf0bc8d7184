import { type Counters, distance } from "./counters.js";

/** What a rank waits for: all messages of a step, or credit to write it. */
export interface RankWait {
  rank: number;
  /** Value of the wrapping counter. */
  step: number;
  wants: "messages" | "credit";
}

/** Who holds a rank up. */
export interface Culprit {
  rank: number;
  /** What it has not done, a sentence without its end. */
  text: string;
}

/** What the counters are read with. */
export interface StallContext {
  counters: Counters;
  lagBound: number;
  /** A wrapping counter as people count steps, from 0. */
  ordinal: (step: number) => number;
}

/**
 * Follows the counters from a rank that waits to the one that holds it up: one that has not published a step although it may write
 * it, or has every message of a step and does not release it. Undefined when the wait is over by now.
 *
 * Ends: a source that misses credit for step t waits for a receiver at step t - lagBound - 2 or before, so steps fall on the way.
 */
export function findCulprit(context: StallContext, wait: RankWait): Culprit | undefined {
  return wait.wants === "messages" ? missingMessage(context, wait) : missingCredit(context, wait);
}

function missingMessage(context: StallContext, { rank, step }: RankWait): Culprit | undefined {
  const { counters, ordinal } = context;
  for (let source = 0; source < counters.ranks; source += 1) {
    if (distance(counters.published(source, rank), step) > 0) continue;
    const text = `rank ${source} has not published step ${ordinal(step)} to rank ${rank}`;
    return missingCredit(context, { rank: source, step, wants: "credit" }) ?? { rank: source, text };
  }
  return undefined;
}

function missingCredit(context: StallContext, { step }: RankWait): Culprit | undefined {
  const { counters, lagBound } = context;
  for (let receiver = 0; receiver < counters.ranks; receiver += 1) {
    if (distance(step, counters.released(receiver)) > lagBound + 1) return findUnreleased(context, receiver);
  }
  return undefined;
}

/** Who keeps a rank from releasing its oldest step, if not the rank itself. */
export function findUnreleased(context: StallContext, rank: number): Culprit {
  const step = context.counters.released(rank);
  const text = `rank ${rank} has every message of step ${context.ordinal(step)} and has not released it`;
  return missingMessage(context, { rank, step, wants: "messages" }) ?? { rank, text };
}
