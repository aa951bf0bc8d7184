import type { LagClass } from "./how.js";
import type { Lookup } from "./lookup.js";

/** What the queue tells stats(). */
export interface QueueStats {
  /** Lookups of class "bulk" that wait for a step now. */
  queuedBulkLookups: number;
  /** Steps of class "latency" that were made while bulk lookups waited. */
  overtakingSteps: number;
}

/** While bulk lookups wait, at most this many latency steps in a row go before them: overtaken is not forgotten. */
const MOST_OVERTAKING = 16;
/** After a latency lookup, bulk leaves room in the ring for this long. */
const RECENT_MS = 250;
/** Steps of bulk that may be under way then: one that the ranks work on, one that they find when they are done. */
const SHALLOW_DEPTH = 2;

/**
 * Lookups that wait for a step. Latency lookups go first, each class in the order of its calls; a caller's own lookups keep their
 * order across classes: when one of class "latency" comes, those of its caller that wait in bulk become as urgent.
 */
export class LookupQueue {
  readonly #classes: Record<LagClass, Lookup[]> = { latency: [], bulk: [] };
  #overtaking = 0;
  #lastLatencyMs = Number.NEGATIVE_INFINITY;
  #overtakingSteps = 0;

  get length(): number {
    return this.#classes.latency.length + this.#classes.bulk.length;
  }

  get stats(): QueueStats {
    return { queuedBulkLookups: this.#classes.bulk.length, overtakingSteps: this.#overtakingSteps };
  }

  /** Lookups of a class that wait. */
  count(lagClass: LagClass): number {
    return this.#classes[lagClass].length;
  }

  push(lookup: Lookup): void {
    const { latency, bulk } = this.#classes;
    if (lookup.lagClass === "bulk") {
      bulk.push(lookup);
      return;
    }
    this.#lastLatencyMs = performance.now();
    if (lookup.caller !== undefined && bulk.length > 0) {
      const own = bulk.filter((one) => one.caller === lookup.caller);
      if (own.length > 0) {
        this.#classes.bulk = bulk.filter((one) => one.caller !== lookup.caller);
        latency.push(...own);
      }
    }
    latency.push(lookup);
  }

  /** Forgets a lookup, wherever it waits. */
  remove(lookup: Lookup): void {
    for (const list of [this.#classes.latency, this.#classes.bulk]) {
      const at = list.indexOf(lookup);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** The class whose turn it is. */
  get turn(): LagClass {
    const { latency, bulk } = this.#classes;
    if (latency.length === 0) return "bulk";
    return bulk.length > 0 && this.#overtaking >= MOST_OVERTAKING ? "bulk" : "latency";
  }

  /** The lookups whose turn it is, first come first; a step is made of one class alone. */
  get next(): readonly Lookup[] {
    return this.#classes[this.turn];
  }

  /** A step was made of lookups of a class. */
  made(lagClass: LagClass): void {
    const overtakes = lagClass === "latency" && this.#classes.bulk.length > 0;
    this.#overtaking = overtakes ? this.#overtaking + 1 : 0;
    if (overtakes) this.#overtakingSteps += 1;
  }

  /** Steps of a class that may be under way, of `depth` in all: bulk fills the ring only while nobody is in a hurry. */
  depthOf(lagClass: LagClass, depth: number): number {
    const hurry = lagClass === "bulk" && performance.now() - this.#lastLatencyMs < RECENT_MS;
    return hurry ? Math.min(SHALLOW_DEPTH, depth) : depth;
  }
}
