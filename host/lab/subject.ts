import { createHistogram } from "node:perf_hooks";
import type { Diagnosis } from "../diagnose/diagnose.js";
import type { Engine } from "../engine.js";
import type { LagStats } from "../lag/control.js";
import type { StepTrace } from "../lag/history.js";
import type { LookupBatch } from "../lookup/batch.js";
import { openEngine } from "../open.js";
import type { RankStats } from "../stats.js";
import type { LabStageOptions, Spending } from "./stage.js";
import { HOT_TABLE, type LabWorkload } from "./workload.js";

/** A way to run the steps that the lab compares: a lag bound, or a baseline. */
export interface Way {
  name: string;
  lagBound: number | "auto";
  /** Lookups that one is cut into, each with its part of the time: synchronous with micro-batches. 1: none. */
  microBatches: number;
  /** Late ranks are helped out by their neighbours. */
  hedged: boolean;
  /** The hot table is replicated, on request, after opening. */
  replicated: boolean;
  workStealing: boolean;
}

/** What a subject is opened for. */
export interface SubjectOptions {
  workload: LabWorkload;
  ranks: number;
  steps: number;
  spending: Spending;
  /** Milliseconds that a rank takes when it is not late. */
  baseMs: number;
}

/** What one run of all steps showed. */
export interface LabRun {
  stepsPerSecond: number;
  /** From the first lookup to the last result. */
  elapsedMs: number;
  /** Of lookups, from when they were due to when their values were there, in milliseconds. */
  latencyMs: { p50: number; p99: number; p999: number; max: number };
  /** Of every step, in order: what its ranks did. */
  traces: StepTrace[];
  /** What the ranks did during the run. */
  ranks: RankStats[];
  lag: LagStats;
  /** What the engine says of its last steps. */
  diagnosis: Diagnosis;
}

/** Lookups that wait or are under way at any time of a closed loop: more than the ring of the largest bound takes. */
const IN_FLIGHT = 256;
const LOOKUP_TIMEOUT_MS = 120_000;
/** Traces are taken before the engine forgets them: it keeps 1,024. */
const HARVEST_STEPS = 256;
const NS_PER_MS = 1e6;

/** An engine under the lab's eyes: every lookup is a step, ranks are as late as they are told to be. */
export class Subject {
  readonly way: Way;
  readonly #engine: Engine;
  readonly #options: SubjectOptions;
  readonly #stage: LabStageOptions;
  #stepsBefore = 0;

  private constructor(way: Way, engine: Engine, options: SubjectOptions, stage: LabStageOptions) {
    this.way = way;
    this.#engine = engine;
    this.#options = options;
    this.#stage = stage;
  }

  static async open(way: Way, options: SubjectOptions): Promise<Subject> {
    const steps = options.steps * way.microBatches;
    const entries = steps * options.ranks;
    const stage: LabStageOptions = {
      steps,
      spending: options.spending,
      plannedMs: new Float64Array(new SharedArrayBuffer(entries * 8)),
      hedge: way.hedged
        ? { done: new Int32Array(new SharedArrayBuffer(entries * 4)), hedgeAfterMs: options.baseMs / 2, hedgeMs: options.baseMs }
        : undefined,
    };
    const engine = await openEngine({
      ranks: options.ranks,
      lagBound: way.lagBound,
      tables: options.workload.tables,
      workStealing: way.workStealing,
      maxCoalescedLookups: 1,
      lookupTimeoutMs: LOOKUP_TIMEOUT_MS,
      stage: { module: new URL("./stage.js", import.meta.url), options: stage },
    });
    if (way.replicated) engine.replicate([options.workload.tables[HOT_TABLE].name]);
    return new Subject(way, engine, options, stage);
  }

  /**
   * Runs all steps with the planned delays ([steps, ranks] milliseconds), as fast as lookups end or, with arrivals (milliseconds from the
   * start), when they are due, and compares every value with the reference's, bit for bit.
   * @throws (rejects) an Error that names the first value that is wrong
   */
  async run(plannedMs: Float64Array, arrivalsMs?: Float64Array): Promise<LabRun> {
    const { steps } = this.#options;
    this.#plan(plannedMs);
    const before = this.#engine.stats().ranks;
    const histogram = createHistogram();
    const traces: StepTrace[] = [];
    const startMs = performance.now();
    const one = async (step: number, dueMs: number): Promise<void> => {
      await this.#lookup(step);
      histogram.record(Math.max(1, Math.round((performance.now() - dueMs) * NS_PER_MS)));
      if (step % HARVEST_STEPS === HARVEST_STEPS - 1) this.#harvest(traces);
    };
    if (arrivalsMs === undefined) await closedLoop(steps, (step) => one(step, performance.now()));
    else await openLoop(arrivalsMs, (step) => one(step, startMs + arrivalsMs[step]));
    const elapsedMs = performance.now() - startMs;
    this.#harvest(traces);
    this.#stepsBefore += steps * this.way.microBatches;
    const { ranks, lag } = this.#engine.stats();
    const at = (share: number): number => histogram.percentile(share) / NS_PER_MS;
    return {
      stepsPerSecond: (steps / elapsedMs) * 1000,
      elapsedMs,
      latencyMs: { p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max / NS_PER_MS },
      traces,
      ranks: ranks.map((rank, r) => difference(rank, before[r])),
      lag,
      diagnosis: this.#engine.diagnose(),
    };
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** A step's time is shared out evenly among its micro-batches. */
  #plan(plannedMs: Float64Array): void {
    const { ranks } = this.#options;
    const { microBatches } = this.way;
    for (let step = 0; step * ranks < plannedMs.length; step += 1) {
      for (let entry = 0; entry < microBatches * ranks; entry += 1) {
        this.#stage.plannedMs[step * microBatches * ranks + entry] = plannedMs[step * ranks + (entry % ranks)] / microBatches;
      }
    }
    this.#stage.hedge?.done.fill(0);
  }

  async #lookup(step: number): Promise<void> {
    const { batches, expected } = this.#options.workload;
    const batch = batches[step % batches.length];
    const want = expected[step % batches.length];
    const parts = splitBatch(batch, this.way.microBatches);
    await Promise.all(
      parts.map(async ({ batch: part, firstSample }) => {
        const result = await this.#engine.lookup(part);
        const { values, columns } = result;
        const own = want.subarray(firstSample * columns, firstSample * columns + values.length);
        const same = Buffer.compare(bytesOf(values), bytesOf(own)) === 0;
        result.release();
        if (!same) throw new Error(`${this.way.name}, step ${step}: values differ from the reference's`);
      }),
    );
  }

  /** Appends the traces of this run's steps that are not there yet. */
  #harvest(traces: StepTrace[]): void {
    for (const trace of this.#engine.recentSteps(1024)) if (trace.step === this.#stepsBefore + traces.length) traces.push(trace);
  }
}

/** What a rank did between two readings. */
function difference(after: RankStats, before: RankStats): RankStats {
  const entries = Object.entries(after).map(([name, value]) => [name, name === "rank" ? value : value - before[name as keyof RankStats]]);
  return Object.fromEntries(entries) as unknown as RankStats;
}

/** A batch cut into `parts` runs of samples, as even as they go. */
function splitBatch({ batchSize, indices, offsets }: LookupBatch, parts: number): { batch: LookupBatch; firstSample: number }[] {
  if (parts === 1) return [{ batch: { batchSize, indices, offsets }, firstSample: 0 }];
  const features = (offsets.length - 1) / batchSize;
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.floor((batchSize * part) / parts);
    const count = Math.floor((batchSize * (part + 1)) / parts) - first;
    const own: number[] = [];
    const ownOffsets = new Int32Array(features * count + 1);
    for (let bag = 0; bag < features * count; bag += 1) {
      const from = Math.floor(bag / count) * batchSize + first + (bag % count);
      for (let n = offsets[from]; n < offsets[from + 1]; n += 1) own.push(Number(indices[n]));
      ownOffsets[bag + 1] = own.length;
    }
    return { batch: { batchSize: count, indices: Int32Array.from(own), offsets: ownOffsets }, firstSample: first };
  });
}

function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

async function closedLoop(steps: number, one: (step: number) => Promise<void>): Promise<void> {
  let next = 0;
  const stream = async (): Promise<void> => {
    while (next < steps) {
      const step = next;
      next += 1;
      await one(step);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, steps) }, stream));
}

async function openLoop(arrivalsMs: Float64Array, one: (step: number) => Promise<void>): Promise<void> {
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  const word = new Int32Array(new SharedArrayBuffer(4));
  for (let step = 0; step < arrivalsMs.length; ) {
    const nowMs = performance.now() - startMs;
    for (; step < arrivalsMs.length && arrivalsMs[step] <= nowMs; step += 1) {
      const lookup = one(step);
      // A failure is thrown by the wait for all below; until then it must not count as unhandled.
      lookup.catch(() => undefined);
      pending.push(lookup);
    }
    // Node rounds this to whole milliseconds, setTimeout cuts down to them. A lookup's time counts from when it was due.
    if (step < arrivalsMs.length)
      await Atomics.waitAsync(word, 0, 0, Math.max(0.01, arrivalsMs[step] - (performance.now() - startMs))).value;
  }
  await Promise.all(pending);
}
