import type { Scenario } from "./scenarios.js";
import type { Way } from "./subject.js";

/** Micro-batches that the baseline cuts a batch into. */
const MICRO_BATCHES = 4;
/** The default of openEngine. */
const REMEDY_LAG_BOUND = 4;

/** What the others are compared with. */
export const SYNCHRONOUS = "synchronous";

/** As an engine is opened by default. */
const PLAIN = { microBatches: 1, hedged: false, replicated: false, workStealing: true } as const;

/** The synchronous alltoallv, which is lag bound 0, and the other bounds. */
export function lagWay(lagBound: number | "auto"): Way {
  return { ...PLAIN, name: lagBound === 0 ? SYNCHRONOUS : `lag bound ${lagBound}`, lagBound };
}

/** The largest bound that an engine takes. */
export const MOST_LAG_BOUND = 1022;

/** The ways of a list such as "4,16,auto", each once, the synchronous one always and first. @throws what `refuse` makes of a part that is no bound */
export function readLagWays(text: string, refuse: (part: string) => Error): Way[] {
  const bounds = text.split(",").map((part): number | "auto" => {
    if (part === "auto") return part;
    const bound = Number(part);
    if (part.trim() === "" || !Number.isInteger(bound) || bound < 0 || bound > MOST_LAG_BOUND) throw refuse(part);
    return bound;
  });
  return [...new Set([0, ...bounds])].map(lagWay);
}

/** What there is besides lag in scenarios with a hot table: sharing it out among all ranks, for good or as they find time, both, or neither. */
export function remedyWays(scenario: Scenario): Way[] {
  if (scenario !== "skew" && scenario !== "rows") return [];
  const { name, ...way } = lagWay(REMEDY_LAG_BOUND);
  return [
    { ...way, name: `${name}, replicated`, replicated: true },
    { ...way, name: `${name}, no stealing`, workStealing: false },
    { ...way, name: `${name}, no stealing, replicated`, workStealing: false, replicated: true },
  ];
}

/** Other cures for stragglers, on the synchronous alltoallv. */
export const BASELINES: readonly Way[] = [
  { ...PLAIN, name: `synchronous, ${MICRO_BATCHES} micro-batches`, lagBound: 0, microBatches: MICRO_BATCHES },
  { ...PLAIN, name: "synchronous, hedged", lagBound: 0, hedged: true },
];
