import { type StepTimes, simulate } from "./simulate.js";

/** What is expected of a lag bound. */
export interface LagPrediction {
  lagBound: number;
  /** Of the recorded steps, if they had been asked for as fast as the engine takes them. */
  stepsPerSecond: number;
  /** 99th percentile from a step's slot in the ring to its end, in milliseconds, with the ring always full. */
  p99Ms: number;
}

/** A choice, and why. */
export interface LagDecision {
  lagBound: number;
  /** One sentence for people. */
  reason: string;
  predictions: readonly LagPrediction[];
}

/** What the tuner may do. */
export interface TunerLimits {
  /** The largest bound; what the windows are laid out for. */
  maxLagBound: number;
  /** Steps are to end within this many milliseconds, 99 of 100; Infinity: no limit. */
  latencyBudgetMs: number;
}

/** A bound that comes this close to the best rate is as good: a smaller one holds less memory and shorter queues. */
const AS_GOOD = 0.97;

/**
 * A bound that is taken wherever the budget allows it, even if the prediction gives it nothing: the prediction leaves out how long a thread takes to wake
 * up, and a rank that may be a step or two ahead hides that. It costs no memory, for the windows are there.
 */
const LEAST = 2;

/** The value that `share` of the ascending values do not exceed. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

/** The bounds to choose from: 0, 1, 2, 4, ... and the largest. */
export function candidates(maxLagBound: number): number[] {
  const bounds = [0];
  for (let bound = 1; bound < maxLagBound; bound *= 2) bounds.push(bound);
  if (maxLagBound > 0) bounds.push(maxLagBound);
  return bounds;
}

/** What a bound would have made of these steps. The ranks' own times do not depend on the bound that was in force: one measurement predicts all bounds. */
export function predict(times: StepTimes, lagBound: number): LagPrediction {
  const { totalMs, latencyMs } = simulate(times, { lagBound });
  return { lagBound, stepsPerSecond: totalMs > 0 ? (times.steps / totalMs) * 1000 : 0, p99Ms: percentile(latencyMs.sort(), 0.99) };
}

/**
 * Chooses the smallest bound from 2 up whose predicted rate is within 3 % of the best one that the latency budget allows, 1 or 0 where it allows no more.
 * predictions: of `steps` steps, from lag bound 0 up.
 */
export function choose(predictions: readonly LagPrediction[], limits: Pick<TunerLimits, "latencyBudgetMs">, steps: number): LagDecision {
  const allowed = predictions.filter(({ lagBound, p99Ms }) => lagBound === 0 || p99Ms <= limits.latencyBudgetMs);
  const best = allowed.reduce((a, b) => (b.stepsPerSecond > a.stepsPerSecond ? b : a));
  const least = allowed.findLast(({ lagBound }) => lagBound <= LEAST) ?? allowed[0];
  const chosen =
    allowed.find(({ lagBound, stepsPerSecond }) => lagBound >= least.lagBound && stepsPerSecond >= best.stepsPerSecond * AS_GOOD) ?? least;
  return { lagBound: chosen.lagBound, predictions, reason: reasonOf(chosen, { predictions, allowed, limits, steps }) };
}

interface Grounds {
  predictions: readonly LagPrediction[];
  allowed: readonly LagPrediction[];
  limits: Pick<TunerLimits, "latencyBudgetMs">;
  steps: number;
}

function reasonOf(chosen: LagPrediction, { predictions, allowed, limits, steps }: Grounds): string {
  const [synchronous] = predictions;
  const gain = synchronous.stepsPerSecond > 0 ? chosen.stepsPerSecond / synchronous.stepsPerSecond : 1;
  const most = Math.max(...allowed.map(({ stepsPerSecond }) => stepsPerSecond));
  const what =
    most * AS_GOOD <= synchronous.stepsPerSecond
      ? `no bound gives more than ${((most / Math.max(synchronous.stepsPerSecond, Number.MIN_VALUE) - 1) * 100).toFixed(1)} % over the synchronous rate`
      : `${gain.toFixed(2)} times the synchronous rate, and no larger bound gives 3 % more`;
  const refused = predictions.filter((one) => !allowed.includes(one)).map(({ lagBound }) => lagBound);
  const budget = refused.length > 0 ? `; ${refused.join(", ")} would pass the latency budget of ${limits.latencyBudgetMs} ms` : "";
  return `of the last ${steps} steps: ${what}${budget}`;
}
