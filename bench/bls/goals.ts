import type { Scenario } from "#host/lab/scenarios.js";

/** What the project wants of a scenario's medians. Bounds are the keys as the option --lag has them. */
export interface LagGoals {
  /** Least rate over the synchronous rate. */
  gain?: Readonly<Record<string, number>>;
  /** Least rate over the simulated one. */
  ofPredicted?: Readonly<Record<string, number>>;
  /** Least rate of "auto" over the best fixed bound's in the same round. */
  autoOfBest?: number;
  /** Largest bound that "auto" is to end at. */
  mostAutoBound?: number;
  /** Most of the best bound's p99 over the synchronous one's when lookups arrive at OPEN_LOAD of the synchronous rate. */
  openP99?: number;
}

/** The load that openP99 is meant for. */
export const OPEN_LOAD = 0.7;

/** Without delays lag may cost 2 %; where it helps, it is to give what the recorded times allow but for 3 %. */
export const GOALS: Readonly<Partial<Record<Scenario, LagGoals>>> = {
  none: { gain: { 4: 0.98, 16: 0.98 }, mostAutoBound: 2 },
  constant: { gain: { 4: 0.98, 16: 0.98, 64: 0.98, auto: 0.98 }, mostAutoBound: 2 },
  rotating: { ofPredicted: { 16: 0.97 }, autoOfBest: 0.95 },
  exponential: { ofPredicted: { 16: 0.97 }, autoOfBest: 0.95, openP99: 0.55 },
  rare: { ofPredicted: { 64: 0.97 }, autoOfBest: 0.95 },
  skew: { mostAutoBound: 2 },
};
