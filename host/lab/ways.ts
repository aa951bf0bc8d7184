import type { Way } from "./subject.js";

/** Micro-batches that the baseline cuts a batch into. */
const MICRO_BATCHES = 4;

/** What the others are compared with. */
export const SYNCHRONOUS = "synchronous";

/** The synchronous alltoallv, which is lag bound 0, and the other bounds. */
export function lagWay(lagBound: number | "auto"): Way {
  return { name: lagBound === 0 ? SYNCHRONOUS : `lag bound ${lagBound}`, lagBound, microBatches: 1, hedged: false };
}

/** Other cures for stragglers, on the synchronous alltoallv. */
export const BASELINES: readonly Way[] = [
  { name: `synchronous, ${MICRO_BATCHES} micro-batches`, lagBound: 0, microBatches: MICRO_BATCHES, hedged: false },
  { name: "synchronous, hedged", lagBound: 0, microBatches: 1, hedged: true },
];
