import type { Diagnosis, FindingKind } from "../diagnose/diagnose.js";
import { exponential, partSeed, seededRandom } from "./random.js";

/** How ranks are late. */
export const SCENARIOS = {
  none: "every rank takes the base time in every step: nothing to gain, and nothing to lose",
  constant: "rank 1 is late in every step: no bound can help, a better plan can",
  rotating: "one rank is late in every step, each in turn",
  exponential: "every rank is late in every step, by exponentially distributed times",
  rare: "now and then a rank pauses for long, as for a garbage collection",
  skew: "one rank owns a hot table: it pools much longer than the others, in every step; no stage sleeps",
  rows: "a table is cut by rows, and one rank has the rows that everybody asks for; no stage sleeps",
  core: "another thread takes a core away for a while, again and again; ranks compute instead of sleeping",
} as const;

/** Name of a scenario. */
export type Scenario = keyof typeof SCENARIOS;

/** What engine.diagnose() has to say of a synchronous run; others may be there besides where ranks compute and cores are few. undefined: nothing. */
const WANTED_FINDING: Readonly<Record<Scenario, FindingKind | undefined>> = {
  none: undefined,
  constant: "persistent-overload",
  rotating: "transient-delay",
  exponential: "transient-delay",
  rare: "transient-delay",
  skew: "persistent-overload",
  rows: "hot-rows",
  core: "starved-machine",
};

/** What a diagnosis of a scenario's synchronous run found, what it was to find, and whether it did. */
export function judgeDiagnosis(
  scenario: Scenario,
  { findings }: Pick<Diagnosis, "findings">,
): { got: string; wanted: string; isRight: boolean } {
  const kinds = findings.map(({ kind }) => kind);
  const wanted = WANTED_FINDING[scenario];
  return {
    got: kinds.length === 0 ? "balanced" : kinds.join(", "),
    wanted: wanted ?? "balanced",
    isRight: wanted === undefined ? kinds.length === 0 : kinds.includes(wanted),
  };
}

/** Of the rare pauses: how much longer than a delay, and how much rarer than one a step. */
const RARE = 20;

/** Sizes of the delays. */
export interface DelayOptions {
  steps: number;
  ranks: number;
  /** Milliseconds that every rank takes in every step. */
  baseMs: number;
  /** Milliseconds of the delay of a late rank; the mean of it where it is random. */
  delayMs: number;
  seed: number;
}

/** How long each rank's stage is to take in each step, in milliseconds, row-major [steps, ranks]. The same for the same seed, and independent of the bound. */
export function planDelays(scenario: Scenario, { steps, ranks, baseMs, delayMs, seed }: DelayOptions): Float64Array {
  const random = seededRandom(partSeed(seed, Object.keys(SCENARIOS).indexOf(scenario)));
  const late: Record<Scenario, (step: number, rank: number) => number> = {
    none: () => 0,
    constant: (_, rank) => (rank === 1 % ranks ? delayMs : 0),
    rotating: (step, rank) => (step % ranks === rank ? delayMs : 0),
    exponential: () => exponential(random, delayMs),
    rare: () => (random() < 1 / (RARE * ranks) ? RARE * delayMs : 0),
    skew: () => -baseMs,
    rows: () => -baseMs,
    core: () => 0,
  };
  return Float64Array.from({ length: steps * ranks }, (_, entry) => baseMs + late[scenario](Math.floor(entry / ranks), entry % ranks));
}

/** Arrivals of a Poisson process, in milliseconds from the start, ascending. */
export function poissonArrivals(count: number, { perSecond, seed }: { perSecond: number; seed: number }): Float64Array {
  const random = seededRandom(partSeed(seed, 1000));
  let nowMs = 0;
  return Float64Array.from({ length: count }, () => {
    nowMs += exponential(random, 1000 / perSecond);
    return nowMs;
  });
}
