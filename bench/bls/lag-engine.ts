import { type Engine, openEngine } from "lagbag";
import type { Timeline } from "../report.js";
import { firstDifference } from "../workloads/check.js";
import type { Batch, Workload } from "../workloads/workload.js";
import { type Ideal, idealGain } from "./ideal.js";
import type { Sleep, StageOptions } from "./stage.js";

/** Lookups that wait or are under way at any time: more than the ring of any lag bound here takes, so that no rank ever waits for the caller. */
const IN_FLIGHT = 128;
const LOOKUP_TIMEOUT_MS = 120_000;

/** What one run of all steps showed. */
export interface LagRun {
  stepsPerSecond: number;
  /** The time that the recorded delays alone would have taken - step by step with lag bound 0, else rank by rank - over the time that it took. */
  efficiency: number;
  /** By the times that the ranks recorded in this very run. */
  ideal: Ideal;
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** An engine with one lag bound whose ranks are late as planned. */
export class LagEngine {
  readonly lagBound: number;
  readonly #engine: Engine;
  readonly #stage: StageOptions;
  readonly #ranks: number;

  private constructor(engine: Engine, stage: StageOptions, { lagBound, ranks }: { lagBound: number; ranks: number }) {
    this.#engine = engine;
    this.#stage = stage;
    this.lagBound = lagBound;
    this.#ranks = ranks;
  }

  /** Every lookup is a step of its own. Tables stay whole: a cut by rows would add up in another order than the reference. */
  static async open(workload: Workload, how: { ranks: number; lagBound: number; steps: number; sleep: Sleep }): Promise<LagEngine> {
    const { ranks, lagBound, steps, sleep } = how;
    const entries = (): Float64Array => new Float64Array(new SharedArrayBuffer(steps * ranks * 8));
    const stage: StageOptions = { steps, sleep, planned: entries(), recorded: entries(), began: entries() };
    const engine = await openEngine({
      ranks,
      lagBound,
      maxCoalescedLookups: 1,
      lookupTimeoutMs: LOOKUP_TIMEOUT_MS,
      tables: workload.seededTables.map((table) => ({ ...table, lookupsPerSample: workload.bagSize, sharding: "table" }) as const),
      stage: { module: new URL("./stage.js", import.meta.url), options: stage },
    });
    return new LagEngine(engine, stage, how);
  }

  /**
   * Looks up as many batches as there are steps in a run, each with the planned delays, and compares every value with the reference's, bit
   * for bit: so all lag bounds give the same bits.
   * @throws (rejects) an Error that names the first value that is wrong
   */
  async run(planned: Float64Array, expected: ReadonlyMap<Batch, Float32Array>): Promise<LagRun> {
    const { steps } = this.#stage;
    const batches = [...expected.keys()];
    this.#stage.planned.set(planned);
    this.#stage.recorded.fill(0);
    let next = 0;
    const stream = async (): Promise<void> => {
      while (next < steps) {
        const step = next;
        next += 1;
        const batch = batches[step % batches.length];
        const result = await this.#engine.lookup(batch);
        const difference = firstDifference(result.values, expected.get(batch) ?? new Float32Array(0), 0);
        result.release();
        if (difference !== undefined) throw new Error(`lag bound ${this.lagBound}, step ${step} of a run: ${difference}`);
      }
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, stream));
    const elapsedMs = performance.now() - startedMs;
    const ideal = idealGain(this.#stage.recorded, this.#ranks);
    const leastMs = this.lagBound === 0 ? ideal.synchronousMs : ideal.unboundedMs;
    return { stepsPerSecond: (steps / elapsedMs) * 1000, efficiency: leastMs / elapsedMs, ideal };
  }

  /** The first steps of the last run, rank by rank, from where the first of them began. */
  timeline(name: string, steps: number): Timeline {
    const { began, recorded } = this.#stage;
    const count = Math.min(steps, this.#stage.steps);
    const firstMs = Math.min(...began.subarray(0, count * this.#ranks));
    const rows = (valueAt: (entry: number) => number): number[][] =>
      Array.from({ length: this.#ranks }, (_, rank) =>
        Array.from({ length: count }, (__, step) => rounded(valueAt(step * this.#ranks + rank))),
      );
    return {
      name,
      startsMs: rows((entry) => began[entry] - firstMs),
      endsMs: rows((entry) => began[entry] - firstMs + recorded[entry]),
    };
  }

  /** "one" or "two". */
  get memoryMode(): string {
    return this.#engine.stats().memory.mode;
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
