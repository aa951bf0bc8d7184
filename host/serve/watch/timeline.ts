import type { RankStats } from "../../stats.js";
import type { Model } from "../model/model.js";

const INTERVAL_MS = 1000;
/** Samples that are kept: two minutes. */
export const KEPT_SAMPLES = 120;

/** What a rank did between two samples, as parts of that time, 0 to 1. */
export interface RankShare {
  write: number;
  finish: number;
  credit: number;
  data: number;
  lagSteps: number;
}

/** What a model did between two samples. */
export interface TimelineSample {
  ranks: readonly RankShare[];
  lookupsPerSecond: number;
  samplesPerSecond: number;
  queued: number;
}

interface Seen {
  atMs: number;
  ranks: readonly RankStats[];
  lookups: number;
  samples: number;
}

/** Looks at the engines' counters once a second, and keeps what happened in between. */
export class Timeline {
  readonly #models: readonly Model[];
  readonly #last = new Map<Model, Seen>();
  readonly #samples = new Map<Model, TimelineSample[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(models: readonly Model[]) {
    this.#models = models;
    this.#timer = setInterval(() => this.look(), INTERVAL_MS).unref();
  }

  /** Oldest first. */
  of(model: Model): readonly TimelineSample[] {
    return this.#samples.get(model) ?? [];
  }

  /** Takes a sample. */
  look(): void {
    for (const model of this.#models) {
      const stats = model.stats();
      if (stats === undefined) continue;
      const now = { atMs: performance.now(), ranks: stats.ranks, lookups: stats.lookups, samples: model.statistics.inferenceCount };
      const before = this.#last.get(model);
      this.#last.set(model, now);
      if (before === undefined) continue;
      const kept = this.#samples.get(model) ?? [];
      kept.push(between(before, now, stats.queuedLookups));
      if (kept.length > KEPT_SAMPLES) kept.shift();
      this.#samples.set(model, kept);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function between(before: Seen, now: Seen, queued: number): TimelineSample {
  const ms = Math.max(1, now.atMs - before.atMs);
  return {
    ranks: now.ranks.map((rank, n) => {
      const share = (name: "writeMs" | "finishMs" | "waitForCreditMs" | "waitForDataMs"): number =>
        Math.min(1, Math.max(0, (rank[name] - (before.ranks[n]?.[name] ?? 0)) / ms));
      return {
        write: share("writeMs"),
        finish: share("finishMs"),
        credit: share("waitForCreditMs"),
        data: share("waitForDataMs"),
        lagSteps: rank.lagSteps,
      };
    }),
    lookupsPerSecond: ((now.lookups - before.lookups) * 1000) / ms,
    samplesPerSecond: ((now.samples - before.samples) * 1000) / ms,
    queued,
  };
}
