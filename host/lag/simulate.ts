import { Counters, windowCount } from "../collective/counters.js";
import { Act, RankSteps } from "../collective/steps.js";

/** How long each rank took in each step, in milliseconds: arrays row-major [steps, ranks]. */
export interface StepTimes {
  ranks: number;
  steps: number;
  /** Pooling and writing. */
  writeMs: Float64Array;
  /** Reducing and the stage. */
  finishMs: Float64Array;
  /** Whether finishing runs user code (a stage): then what others may wait for comes first, see RankSteps.next. */
  stage: boolean;
  /** Whether the stage promises: its rank goes on while the promise is pending. */
  asynchronous: boolean;
}

/** How the simulated engine is set up, and what is asked of it. */
export interface SimulationOptions {
  lagBound: number;
  /** Steps that may be under way; default: the slots of the ring, windowCount(lagBound). */
  depth?: number;
  /** When each step is asked for, in milliseconds from the start, ascending; default: as soon as there is a slot. */
  arrivalsMs?: Float64Array;
}

/** What the times allow. */
export interface Simulation {
  /** From the start to the end of the last step. */
  totalMs: number;
  /** Of each step: from when it was asked for to its end. Without arrivals that is from when it got its slot. */
  latencyMs: Float64Array;
}

/** The counters of a simulation: one thread, so no atomics, and nobody to wake. */
class VirtualCounters extends Counters {
  readonly #published: Int32Array;
  readonly #released: Int32Array;
  #requested = 0;

  constructor(ranks: number) {
    super(new Int32Array(0), ranks);
    this.#published = new Int32Array(ranks * ranks);
    this.#released = new Int32Array(ranks);
  }

  override published(source: number, receiver: number): number {
    return this.#published[source * this.ranks + receiver];
  }

  override setPublished(source: number, receiver: number, steps: number): void {
    this.#published[source * this.ranks + receiver] = steps;
  }

  override released(rank: number): number {
    return this.#released[rank];
  }

  override setReleased(rank: number, steps: number): void {
    this.#released[rank] = steps;
  }

  override requested(): number {
    return this.#requested;
  }

  override setRequested(steps: number): void {
    this.#requested = steps;
  }

  override ring(): void {}
}

/** What a rank is busy with, and until when. */
interface VirtualRank {
  steps: RankSteps;
  /** End of the act at hand; Infinity: none. */
  actEndMs: number;
  act: typeof Act.write | typeof Act.finish | typeof Act.idle;
  /** End of a promise that is pending; Infinity: none. */
  promiseEndMs: number;
}

/**
 * Runs the engine's own transitions (RankSteps) in virtual time: acts take what `times` says of them, everything else takes nothing. So
 * this is what a lag bound gives at best with these times: what a measured rate is held against, and what a rate is predicted from.
 *
 * ```
 * repeat until all steps are over:
 *   now = the earliest end of an act, of a promise, or the next arrival
 *   end what ends now; ask for what has arrived and has a slot
 *   every rank that is not busy takes acts in RankSteps' order until none is allowed
 * ```
 */
export function simulate(times: StepTimes, options: SimulationOptions): Simulation {
  const { ranks, steps } = times;
  const depth = options.depth ?? windowCount(options.lagBound);
  const counters = new VirtualCounters(ranks);
  const all = Array.from(
    { length: ranks },
    (_, rank): VirtualRank => ({
      steps: new RankSteps(counters, rank, options.lagBound, 0),
      actEndMs: Number.POSITIVE_INFINITY,
      act: Act.idle,
      promiseEndMs: Number.POSITIVE_INFINITY,
    }),
  );
  const requestedMs = new Float64Array(steps);
  const latencyMs = new Float64Array(steps);
  let nowMs = 0;
  let over = 0;
  let requested = 0;

  /** Time of the next arrival that has a slot waiting for it. */
  const nextArrivalMs = (): number => {
    if (requested >= steps || requested - over >= depth) return Number.POSITIVE_INFINITY;
    return Math.max(nowMs, options.arrivalsMs?.[requested] ?? nowMs);
  };
  const request = (): void => {
    while (nextArrivalMs() <= nowMs) {
      requestedMs[requested] = options.arrivalsMs?.[requested] ?? nowMs;
      requested += 1;
    }
    counters.setRequested(requested);
  };
  const release = (rank: VirtualRank): void => {
    if (!rank.steps.release()) return;
    latencyMs[over] = nowMs - requestedMs[over];
    over += 1;
    request();
  };
  /** Takes acts until the rank is busy or has nothing to do. True when it changed something that others see. */
  const act = (rank: VirtualRank, index: number): boolean => {
    let changed = false;
    while (rank.act === Act.idle) {
      const pending = rank.promiseEndMs < Number.POSITIVE_INFINITY;
      const next = rank.steps.next(!times.stage, pending, times.asynchronous);
      if (next === Act.idle) return changed;
      if (next === Act.publish) {
        rank.steps.publish();
        changed = true;
        continue;
      }
      const step = next === Act.write ? rank.steps.written : rank.steps.released;
      const tookMs = (next === Act.write ? times.writeMs : times.finishMs)[step * ranks + index];
      if (next === Act.finish && times.asynchronous) rank.promiseEndMs = nowMs + tookMs;
      else {
        rank.act = next;
        rank.actEndMs = nowMs + tookMs;
      }
    }
    return changed;
  };
  /** Lets all ranks act until nobody can. */
  const settle = (): void => {
    for (let changed = true; changed; ) {
      changed = false;
      for (let index = 0; index < ranks; index += 1) changed = act(all[index], index) || changed;
    }
  };

  request();
  settle();
  while (over < steps) {
    let nextMs = nextArrivalMs();
    // A promise settles no sooner than its thread is free.
    for (const rank of all) nextMs = Math.min(nextMs, rank.act === Act.idle ? rank.promiseEndMs : rank.actEndMs);
    nowMs = nextMs;
    for (const rank of all) {
      if (rank.actEndMs <= nowMs) {
        const { act: ended } = rank;
        rank.act = Act.idle;
        rank.actEndMs = Number.POSITIVE_INFINITY;
        if (ended === Act.write) rank.steps.wrote();
        else release(rank);
      }
      if (rank.act === Act.idle && rank.promiseEndMs <= nowMs) {
        rank.promiseEndMs = Number.POSITIVE_INFINITY;
        release(rank);
      }
    }
    request();
    settle();
  }
  return { totalMs: nowMs, latencyMs };
}

/** What any lag can give at best: every rank goes on without ever waiting for another. A stage that goes on elsewhere takes its time beside the pooling. */
export function unboundedMs({ ranks, steps, writeMs, finishMs, asynchronous }: StepTimes): number {
  const writing = new Float64Array(ranks);
  const finishing = new Float64Array(ranks);
  for (let entry = 0; entry < steps * ranks; entry += 1) {
    writing[entry % ranks] += writeMs[entry];
    finishing[entry % ranks] += finishMs[entry];
  }
  return Math.max(...writing.map((ms, rank) => (asynchronous ? Math.max(ms, finishing[rank]) : ms + finishing[rank])));
}
