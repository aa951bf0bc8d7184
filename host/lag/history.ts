import type { StepTimes } from "./simulate.js";

/** What one rank did in a step; milliseconds of the caller's performance.now(). */
export interface RankTrace {
  writeStartMs: number;
  writeEndMs: number;
  finishStartMs: number;
  finishEndMs: number;
  /** Rows that this rank gathered of its own part; others may have helped. */
  gatheredRows: number;
}

/** A step that is over. */
export interface StepTrace {
  /** Steps count from 0. */
  step: number;
  samples: number;
  lookups: number;
  /** When it was shown to the ranks; milliseconds of the caller's performance.now(). */
  requestedMs: number;
  /** When the caller found it over. */
  overMs: number;
  /** In rank order. */
  ranks: RankTrace[];
}

/** Of a rank in a step: write start, write end, finish start, finish end, rows, promised, on a core, waited for one. */
const RANK_FIELDS = 8;
/** Of a step: its number, samples, lookups, requested, over. */
const STEP_FIELDS = 5;

/** Where a step's trace records lie: `doubles` from element `at`, `strideDoubles` from one rank's to the next. */
export interface TraceSource {
  doubles: Float64Array;
  at: number;
  strideDoubles: number;
}

/** What the cores gave a rank over some steps. */
export interface CoreShare {
  /** Milliseconds from the end of the first of the steps to the end of the last. */
  elapsedMs: number;
  /** Of these, milliseconds on a core, and runnable without one; zeros where the system does not tell. Ranks look every 20 ms. */
  coreMs: number;
  waitForCoreMs: number;
}

/** The last steps that are over, on the caller's thread: what the lag bound is chosen by, and what pictures are made of. */
export class StepHistory {
  readonly ranks: number;
  readonly capacity: number;
  readonly #steps: Float64Array;
  readonly #traces: Float64Array;
  /** Steps that were added since the start. */
  added = 0;

  constructor(ranks: number, capacity: number) {
    this.ranks = ranks;
    this.capacity = capacity;
    this.#steps = new Float64Array(capacity * STEP_FIELDS);
    this.#traces = new Float64Array(capacity * ranks * RANK_FIELDS);
  }

  /** Steps that it holds. */
  get length(): number {
    return Math.min(this.added, this.capacity);
  }

  /** Copies a step's trace, before its ring slot is used again. */
  add(step: Omit<StepTrace, "ranks">, { doubles, at, strideDoubles }: TraceSource): void {
    const slot = this.added % this.capacity;
    this.#steps.set([step.step, step.samples, step.lookups, step.requestedMs, step.overMs], slot * STEP_FIELDS);
    let to = slot * this.ranks * RANK_FIELDS;
    for (let rank = 0; rank < this.ranks; rank += 1, to += RANK_FIELDS) {
      const from = at + rank * strideDoubles;
      for (let field = 0; field < RANK_FIELDS; field += 1) this.#traces[to + field] = doubles[from + field];
    }
    this.added += 1;
  }

  /** The last `count` steps at most, oldest first. Fresh objects. */
  recent(count: number): StepTrace[] {
    return this.#lastSlots(count).map((slot) => {
      const [step, samples, lookups, requestedMs, overMs] = this.#steps.subarray(slot * STEP_FIELDS, (slot + 1) * STEP_FIELDS);
      const ranks = Array.from({ length: this.ranks }, (_, rank): RankTrace => {
        const [writeStart, writeEnd, finishStart, finishEnd, gatheredRows] = this.#rank(slot, rank);
        const local = (ms: number): number => ms - performance.timeOrigin;
        return {
          writeStartMs: local(writeStart),
          writeEndMs: local(writeEnd),
          finishStartMs: local(finishStart),
          finishEndMs: local(finishEnd),
          gatheredRows,
        };
      });
      return { step, samples, lookups, requestedMs, overMs, ranks };
    });
  }

  /** How long the ranks took in the last `count` steps at most, oldest first. stage: whether the engine has one. */
  times(count: number, stage: boolean): StepTimes {
    const slots = this.#lastSlots(count);
    const writeMs = new Float64Array(slots.length * this.ranks);
    const finishMs = new Float64Array(slots.length * this.ranks);
    let promised = 0;
    slots.forEach((slot, n) => {
      for (let rank = 0; rank < this.ranks; rank += 1) {
        const [writeStart, writeEnd, finishStart, finishEnd, , isPromised] = this.#rank(slot, rank);
        writeMs[n * this.ranks + rank] = writeEnd - writeStart;
        finishMs[n * this.ranks + rank] = finishEnd - finishStart;
        promised += isPromised;
      }
    });
    return { ranks: this.ranks, steps: slots.length, writeMs, finishMs, stage, asynchronous: promised * 2 > slots.length * this.ranks };
  }

  /** What each rank got of the cores during the last `count` steps at most; nothing of fewer than two. */
  cores(count: number): CoreShare[] {
    const slots = this.#lastSlots(count);
    if (slots.length < 2) return [];
    return Array.from({ length: this.ranks }, (_, rank) => {
      const [, , , startMs, , , core, wait] = this.#rank(slots[0], rank);
      const [, , , endMs, , , lastCore, lastWait] = this.#rank(slots[slots.length - 1], rank);
      return { elapsedMs: endMs - startMs, coreMs: lastCore - core, waitForCoreMs: lastWait - wait };
    });
  }

  /** Milliseconds from request to end of the last `count` steps at most, ascending. */
  sortedLatenciesMs(count: number): Float64Array {
    return Float64Array.from(this.#lastSlots(count), (slot) => {
      const at = slot * STEP_FIELDS;
      return this.#steps[at + 4] - this.#steps[at + 3];
    }).sort();
  }

  #rank(slot: number, rank: number): Float64Array {
    const at = (slot * this.ranks + rank) * RANK_FIELDS;
    return this.#traces.subarray(at, at + RANK_FIELDS);
  }

  #lastSlots(count: number): number[] {
    const length = Math.min(count, this.length);
    return Array.from({ length }, (_, n) => (this.added - length + n) % this.capacity);
  }
}
