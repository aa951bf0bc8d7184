import { distance } from "../collective/counters.js";
import { EmbeddingError } from "../errors.js";
import { TRACE } from "../memory/map.js";
import { copyOffsets } from "./copy.js";
import { finishStep } from "./deliver.js";
import type { LagClass } from "./how.js";
import type { Lookup } from "./lookup.js";
import { largestPiece, measurePiece, type Piece, wholePiece } from "./piece.js";
import { LookupQueue, type QueueStats } from "./queue.js";
import { type Chosen, placeStep, rowColumns, type Step, type StepContext, stepBytes } from "./step.js";

/** Counts that stats() shows. */
export interface DispatchStats {
  steps: number;
  /** Lookups that shared a step with others. */
  coalescedLookups: number;
  /** Lookups that were cut into several steps. */
  cutLookups: number;
}

/** A step may take this part of the heap; larger lookups are cut by samples. */
const STEP_SHARE = 0.25;
/** A cut gives up below this: then a single sample does not fit. */
const MIN_STEP_BYTES = 4096;

/**
 * Makes steps of lookups and results of steps, on the caller's thread. Up to `depth` steps are under way; what comes meanwhile
 * queues up and is coalesced into the next step, latency lookups before bulk ones.
 */
export class Dispatcher {
  readonly #context: StepContext;
  readonly #maxCoalescedLookups: number;
  readonly #queue = new LookupQueue();
  readonly #steps: Step[] = [];
  #next: { step: number; ordinal: number };
  /** Steps that may be under way, at most the slots of the ring. */
  depth: number;
  readonly stats: DispatchStats = { steps: 0, coalescedLookups: 0, cutLookups: 0 };

  /** counterStart: the value that Counters.reset was given. */
  constructor(context: StepContext, options: { maxCoalescedLookups: number; counterStart: number }) {
    this.#context = context;
    this.depth = context.map.windows;
    this.#maxCoalescedLookups = options.maxCoalescedLookups;
    this.#next = { step: options.counterStart | 0, ordinal: 0 };
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** What its queue tells stats(). */
  get queueStats(): QueueStats {
    return this.#queue.stats;
  }

  /** Lookups of a class that wait. */
  queuedOf(lagClass: LagClass): number {
    return this.#queue.count(lagClass);
  }

  get underWay(): number {
    return this.#steps.length;
  }

  /** The oldest step that is not over: its counter and its number from 0. */
  get oldest(): { step: number; ordinal: number } | undefined {
    return this.#steps[0];
  }

  submit(lookup: Lookup): void {
    this.#queue.push(lookup);
    this.pump();
  }

  /** Forgets a lookup that was settled while it waited. */
  drop(lookup: Lookup): void {
    this.#queue.remove(lookup);
  }

  /** Takes lookups from the queue into steps, as long as there is a free slot of the ring and room for their data. */
  pump(): void {
    const { map } = this.#context;
    const most = map.heapBytes * STEP_SHARE;
    let budget = most;
    while (this.#queue.length > 0 && this.#steps.length < this.#queue.depthOf(this.#queue.turn, this.depth)) {
      const { turn } = this.#queue;
      const chosen = this.#choose(budget);
      if (chosen.length === 0) continue;
      const step = placeStep(this.#context, chosen, this.#next, (one, error) => {
        this.#take(one);
        this.drop(one.lookup);
        one.lookup.reject(error);
      });
      if (step === "nothing left") continue;
      if (step !== "no room") {
        this.#request(step);
        this.#queue.made(turn);
        budget = most;
        continue;
      }
      // Steps under way will give some room back; without any, only smaller pieces help.
      if (this.#steps.length > 0) return;
      if (budget > MIN_STEP_BYTES) budget /= 2;
      else this.#refuseHead(stepBytes(this.#context, chosen));
    }
  }

  /** Finishes the steps that all ranks have released, in order, and refills the ring. */
  collect(): void {
    let over = 0;
    while (over < this.#steps.length && this.#isOver(this.#steps[over].step)) over += 1;
    if (over === 0) return;
    const overMs = performance.now();
    for (const step of this.#steps.splice(0, over)) {
      this.#remember(step, overMs);
      finishStep(this.#context, step);
    }
    this.pump();
  }

  #remember({ step, ordinal, samples, pieces, requestedMs }: Step, overMs: number): void {
    const { history, map, ranks, views } = this.#context;
    const at = (map.tracePtr + (step & (map.windows - 1)) * ranks * TRACE.BYTES) / 8;
    history.add(
      { step: ordinal, samples, lookups: pieces.length, requestedMs, overMs },
      { doubles: views.doubles, at, strideDoubles: TRACE.BYTES / 8 },
    );
  }

  #isOver(step: number): boolean {
    const { counters, ranks } = this.#context;
    for (let rank = 0; rank < ranks; rank += 1) {
      if (distance(counters.released(rank), step) <= 0) return false;
    }
    return true;
  }

  /** The pieces of the next step: as many whole lookups as fit, or one part of a lookup that is too large. */
  #choose(budget: number): Chosen[] {
    const { map } = this.#context;
    const chosen: Chosen[] = [];
    let samples = 0;
    let bytes = 0;
    for (const lookup of this.#queue.next) {
      if (chosen.length >= this.#maxCoalescedLookups) break;
      const one = this.#sized(lookup, wholePiece(lookup.batch));
      const needed = stepBytes(this.#context, [one]);
      samples += one.piece.count;
      bytes += needed;
      if (lookup.dispatched === 0 && samples <= map.stepSamples && bytes <= budget) chosen.push(one);
      else {
        if (chosen.length === 0) this.#cut(lookup, budget, chosen);
        break;
      }
    }
    return chosen;
  }

  /** Chooses the longest run of samples of a large lookup that fits, at least one. */
  #cut(lookup: Lookup, budget: number, chosen: Chosen[]): void {
    const { batch, dispatched } = lookup;
    try {
      lookup.offsets ??= copyOffsets(batch);
    } catch (error) {
      this.drop(lookup);
      lookup.reject(error as EmbeddingError);
      return;
    }
    const from = { batch, first: dispatched, offsets: lookup.offsets, maxSamples: this.#context.map.stepSamples };
    const piece = largestPiece(from, (part) => stepBytes(this.#context, [this.#sized(lookup, part)]) <= budget);
    chosen.push(this.#sized(lookup, piece));
  }

  #sized(lookup: Lookup, piece: Piece): Chosen {
    return { lookup, piece, size: measurePiece(piece, rowColumns(this.#context, lookup)) };
  }

  /** Shows a step to the ranks. */
  #request(step: Step): void {
    const { counters, ranks } = this.#context;
    for (const one of step.pieces) this.#take(one, step.ordinal);
    if (step.pieces.length > 1) this.stats.coalescedLookups += step.pieces.length;
    this.stats.steps += 1;
    this.#steps.push(step);
    step.requestedMs = performance.now();
    this.#next = { step: (step.step + 1) | 0, ordinal: step.ordinal + 1 };
    counters.setRequested(this.#next.step);
    for (let rank = 0; rank < ranks; rank += 1) counters.ring(rank);
  }

  /** The piece's samples are on their way, or refused: moves its lookup on, out of the queue with the last one. */
  #take({ lookup, piece }: Chosen, ordinal?: number): void {
    lookup.dispatched += piece.count;
    lookup.step = ordinal;
    if (!piece.whole && piece.first === 0) this.stats.cutLookups += 1;
    if (lookup.dispatched >= lookup.batch.batchSize) this.drop(lookup);
  }

  #refuseHead(needed: number): void {
    const free = this.#context.allocator.largestFreeBytes;
    const why = `a sample of this lookup needs ${needed} bytes of exchange memory, ${free} are free in one piece`;
    const [head] = this.#queue.next;
    this.drop(head);
    head.reject(new EmbeddingError("EMBEDDING_MEMORY_LIMIT", why, { got: needed, expected: free }));
  }
}
