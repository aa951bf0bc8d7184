import type { Scenario } from "./scenarios.js";
import type { Way } from "./subject.js";

/** Micro-batches that the baseline cuts a batch into. */
const MICRO_BATCHES = 4;

/** What the others are compared with. */
export const SYNCHRONOUS = "synchronous";

/** The synchronous alltoallv, which is lag bound 0, and the other bounds. */
export function lagWay(lagBound: number | "auto"): Way {
  return { name: lagBound === 0 ? SYNCHRONOUS : `lag bound ${lagBound}`, lagBound, microBatches: 1, hedged: false, replicated: false };
}

/** The remedies that the lab tries besides lag: in scenarios with a hot table, sharing it out among all ranks. */
export function remedyWays(scenario: Scenario): Way[] {
  if (scenario !== "skew" && scenario !== "rows") return [];
  return [0, 4].map((lagBound) => {
    const { name, ...way } = lagWay(lagBound);
    return { ...way, name: `${name}, replicated`, replicated: true };
  });
}

/** Other cures for stragglers, on the synchronous alltoallv. */
export const BASELINES: readonly Way[] = [
  { name: `synchronous, ${MICRO_BATCHES} micro-batches`, lagBound: 0, microBatches: MICRO_BATCHES, hedged: false, replicated: false },
  { name: "synchronous, hedged", lagBound: 0, microBatches: 1, hedged: true, replicated: false },
];
