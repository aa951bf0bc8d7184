import { exponential, partSeed, seededRandom } from "../random.js";

/** How delays fall on ranks and steps. */
export const DELAY_SHAPES = {
  none: "every rank takes the base time in every step",
  rotating: "one rank is late in every step, each in turn",
  exponential: "every rank is late in every step, by exponentially distributed times",
  rare: "now and then a rank pauses for long, as for a garbage collection",
} as const;

export type DelayShape = keyof typeof DELAY_SHAPES;

/** Of the rare pauses: how much longer than a delay, and how much rarer than one a step. */
const RARE = 20;

export interface DelayOptions {
  steps: number;
  ranks: number;
  /** What every rank takes in every step. */
  baseMs: number;
  /** The delay of a late rank; the mean of it, where it is random. */
  delayMs: number;
  seed: number;
}

/** How long each rank is to take in each step, in milliseconds, row-major [steps, ranks]. */
export function planDelays(shape: DelayShape, { steps, ranks, baseMs, delayMs, seed }: DelayOptions): Float64Array {
  const random = seededRandom(partSeed(seed, Object.keys(DELAY_SHAPES).indexOf(shape)));
  const late: Record<DelayShape, (step: number, rank: number) => number> = {
    none: () => 0,
    rotating: (step, rank) => (step % ranks === rank ? delayMs : 0),
    exponential: () => exponential(random, delayMs),
    rare: () => (random() < 1 / (RARE * ranks) ? RARE * delayMs : 0),
  };
  return Float64Array.from({ length: steps * ranks }, (_, entry) => baseMs + late[shape](Math.floor(entry / ranks), entry % ranks));
}
