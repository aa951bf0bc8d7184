/** Recorded times to simulate and to decide by: what the straggler shapes look like. */
import type { StepTimes } from "#host/lag/simulate.js";
import { seededRandom } from "../cases/random.js";

export const SHAPES = ["balanced", "persistent", "rotating", "exponential", "rare"] as const;
export type Shape = (typeof SHAPES)[number];

/** Of every rank in every step. */
const BASE_MS = 1;
const DELAY_MS = 3;

/** Steps with a stage on `ranks` ranks, seeded; ranks pool for 0.01 ms. */
export function timesOf(shape: Shape, { ranks = 4, steps = 512, seed = 1 } = {}): StepTimes {
  const random = seededRandom(seed);
  const late: Record<Shape, (step: number, rank: number) => number> = {
    balanced: () => 0.02 * random(),
    persistent: (_, rank) => (rank === 1 ? DELAY_MS : 0) + 0.02 * random(),
    rotating: (step, rank) => (step % ranks === rank ? DELAY_MS : 0),
    exponential: () => -DELAY_MS * Math.log(1 - random()),
    rare: () => (random() < 1 / (20 * ranks) ? 20 * DELAY_MS : 0),
  };
  return {
    ranks,
    steps,
    writeMs: new Float64Array(steps * ranks).fill(0.01),
    finishMs: Float64Array.from({ length: steps * ranks }, (_, entry) => BASE_MS + late[shape](Math.floor(entry / ranks), entry % ranks)),
    stage: true,
    asynchronous: false,
  };
}
