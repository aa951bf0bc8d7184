import { type Counters, windowCount } from "../collective/counters.js";
import type { StepHistory } from "./history.js";
import type { StepTimes } from "./simulate.js";
import { candidates, choose, type LagDecision, type LagPrediction, percentile, predict, type TunerLimits } from "./tuner.js";

/** The lag bound as stats() shows it. */
export interface LagStats {
  mode: "fixed" | "auto";
  /** In force now. */
  lagBound: number;
  /** The largest that the windows are laid out for. */
  maxLagBound: number;
  /** "auto": why this bound. */
  reason: string;
  /** "auto": what the last decision expected of each bound; empty before the first. */
  predictions: readonly LagPrediction[];
  /** "auto": how many decisions there were. */
  decisions: number;
}

/** The bound that an "auto" engine opens with. */
const FIRST_BOUND = 4;
/** Steps between two decisions at least. */
const DECIDE_STEPS = 64;
/** Decisions take at most this share of the caller's thread. */
const CALLER_SHARE = 0.05;
/** Steps that a decision looks at: enough to see a pause that comes once in a hundred steps. Fewer with many ranks, for its time grows with their square. */
const MOST_STEPS = 512;
const MOST_WORK = 16_384;
/** Two decisions in a row have to agree before the bound goes down: giving it up is cheap to wait for, and lacking it is not. */
const AGREEING = 2;
/** Decisions after which a bound that had passed the budget is tried again. */
const FORGIVE = 16;

/** How the lag bound of an engine is set. */
export interface LagControlOptions {
  counters: Counters;
  history: StepHistory;
  /** Takes how many steps may be under way. */
  setDepth: (steps: number) => void;
  auto: boolean;
  limits: TunerLimits;
  /** Whether the engine has a stage. */
  stage: boolean;
}

/** Sets the lag bound of an engine, once, or from what its steps show. On the caller's thread. */
export class LagControl {
  readonly #options: LagControlOptions;
  /** The largest bound under which steps have kept the latency budget. */
  #ceiling: number;
  #lastDecision: LagDecision | undefined;
  /** A decision that is being made, a bound a turn: all at once would hold the caller's thread up for many milliseconds. */
  #pending: { times: StepTimes; bounds: readonly number[]; predictions: LagPrediction[] } | undefined;
  #decidedAt = 0;
  #nextMs = 0;
  #decisions = 0;
  #lower = 0;
  #sinceViolation = 0;

  constructor(options: LagControlOptions) {
    this.#options = options;
    const { auto, limits } = options;
    this.#ceiling = limits.maxLagBound;
    this.#set(auto ? Math.min(FIRST_BOUND, limits.maxLagBound) : limits.maxLagBound);
  }

  get stats(): LagStats {
    const { auto, counters, limits } = this.#options;
    const lagBound = counters.lagBound();
    return {
      mode: auto ? "auto" : "fixed",
      lagBound,
      maxLagBound: limits.maxLagBound,
      reason: auto ? (this.#lastDecision?.reason ?? `the first bound, until ${DECIDE_STEPS} steps are over`) : "set by the option lagBound",
      predictions: this.#lastDecision?.predictions ?? [],
      decisions: this.#decisions,
    };
  }

  /** Works on the next decision when enough steps are over since the last one. Call it whenever steps were collected. */
  turn(): void {
    const { auto, history, limits } = this.#options;
    if (!auto || (this.#pending === undefined && history.added - this.#decidedAt < DECIDE_STEPS)) return;
    const startedMs = performance.now();
    if (startedMs < this.#nextMs) return;
    this.#pending ??= this.#begin();
    const { times, bounds, predictions } = this.#pending;
    predictions.push(predict(times, bounds[predictions.length]));
    if (predictions.length === bounds.length) {
      this.#pending = undefined;
      this.#decisions += 1;
      this.#apply(choose(predictions, limits, times.steps));
    }
    const endedMs = performance.now();
    this.#nextMs = endedMs + (endedMs - startedMs) / CALLER_SHARE;
  }

  #begin(): { times: StepTimes; bounds: readonly number[]; predictions: LagPrediction[] } {
    const { history, stage } = this.#options;
    this.#keepBudget(history.added - this.#decidedAt);
    this.#decidedAt = history.added;
    const steps = Math.max(DECIDE_STEPS, Math.min(MOST_STEPS, Math.floor(MOST_WORK / history.ranks ** 2)));
    return { times: history.times(steps, stage), bounds: candidates(this.#ceiling), predictions: [] };
  }

  #apply(decision: LagDecision): void {
    const bound = this.#options.counters.lagBound();
    this.#lower = decision.lagBound < bound ? this.#lower + 1 : 0;
    this.#lastDecision = decision;
    if (decision.lagBound > bound || this.#lower >= AGREEING || bound > this.#ceiling) {
      this.#lower = 0;
      this.#set(decision.lagBound);
    }
  }

  /** What steps really took has the last word: a bound under which they passed the budget is not used for a while. */
  #keepBudget(steps: number): void {
    const { history, limits, counters } = this.#options;
    this.#sinceViolation += 1;
    if (percentile(history.sortedLatenciesMs(steps), 0.99) > limits.latencyBudgetMs) {
      this.#ceiling = candidates(limits.maxLagBound).findLast((bound) => bound < counters.lagBound()) ?? 0;
      this.#sinceViolation = 0;
    } else if (this.#sinceViolation >= FORGIVE && this.#ceiling < limits.maxLagBound) {
      this.#ceiling = candidates(limits.maxLagBound).find((bound) => bound > this.#ceiling) ?? limits.maxLagBound;
      this.#sinceViolation = 0;
    }
  }

  #set(lagBound: number): void {
    this.#options.counters.setLagBound(lagBound);
    this.#options.setDepth(windowCount(lagBound));
  }
}
