import { availableParallelism } from "node:os";
import type { Counters } from "./collective/counters.js";
import { Doorbell } from "./collective/doorbell.js";
import { AccessLog } from "./diagnose/access.js";
import { type Diagnosis, diagnose } from "./diagnose/diagnose.js";
import { accessByTable, rowShardStarts } from "./diagnose/tables.js";
import { EmbeddingError } from "./errors.js";
import type { Gang } from "./gang.js";
import { LagControl } from "./lag/control.js";
import { StepHistory, type StepTrace } from "./lag/history.js";
import type { BatchChecker, CheckedBatch, LookupBatch, LookupOptions } from "./lookup/batch.js";
import { CallerLane } from "./lookup/caller.js";
import { copyOffsets } from "./lookup/copy.js";
import { Deadlines } from "./lookup/deadlines.js";
import { Dispatcher } from "./lookup/dispatch.js";
import type { HowToLookUp } from "./lookup/how.js";
import { gatheredBytes, InlineLookups } from "./lookup/inline.js";
import { ResultPool } from "./lookup/leases.js";
import { abortError, Lookup } from "./lookup/lookup.js";
import type { ExchangeViews } from "./lookup/piece.js";
import { Replication } from "./lookup/replication.js";
import { FinishedLookup, GatheredRows, type LookupResult, type RowShape, resultParts } from "./lookup/result.js";
import { type SyncResult, syncResult } from "./lookup/sync.js";
import { timeoutError } from "./lookup/timeout.js";
import type { KernelExports } from "./memory/abi.js";
import { Allocator } from "./memory/allocator.js";
import type { HugePages } from "./memory/hugepages.js";
import type { MemoryMap } from "./memory/map.js";
import type { Records } from "./memory/records.js";
import type { Plan } from "./plan/plan.js";
import type { FilledOptions } from "./resolve.js";
import { type EngineStats, type InlineStats, memoryStats, readRankStats } from "./stats.js";

/** The caller looks at the counters again this often even when no bell rings. */
const LISTEN_MS = 1000;
/** Steps that a diagnosis looks at: a pause that comes once in a hundred shows, and its simulations take milliseconds. */
const DIAGNOSED_STEPS = 512;
/** Steps whose traces are kept. */
const HISTORY_STEPS = 1024;
/** close() gives a rank this long to finish the step at hand before its thread is ended. */
const CLOSE_GRACE_MS = 250;

/** What an engine is made of; open.ts puts it together. @internal */
export interface EngineParts {
  options: FilledOptions;
  plan: Plan;
  map: MemoryMap;
  records: Records;
  counters: Counters;
  counterStart: number;
  views: ExchangeViews;
  kernels: KernelExports[];
  checker: BatchChecker;
  hugePages: HugePages;
  /** undefined: no ranks, all lookups run on the caller's thread. */
  gang: Gang | undefined;
  /** Called after all threads have ended. */
  onClosed: () => void;
  /** The plan that these lookups per sample, table by table, get with sharding "auto". */
  replan: (lookupsPerSample: readonly number[]) => Plan;
}

/** What the caller's side of an engine works with. */
interface Machinery {
  allocator: Allocator;
  results: ResultPool;
  dispatcher: Dispatcher;
  /** Lookups on the caller's thread. */
  here: InlineLookups;
  replication: Replication;
  /** The caller's doorbell. */
  bell: Doorbell;
  history: StepHistory;
  access: AccessLog;
  lag: LagControl;
}

/**
 * Embedding tables over shard workers. Made by openEngine; its methods may be called from the thread that opened it only.
 * A process with an open engine that has ranks does not end by itself: call close(), or use `await using`.
 */
export class Engine implements AsyncDisposable {
  /** Who owns which part of which table, and the load that is predicted for each rank; `String(engine.plan)` is a table for people. */
  readonly plan: Plan;
  readonly #options: FilledOptions;
  /** All that refers to a memory; close() drops it as a whole. */
  #parts: (EngineParts & Machinery) | undefined;
  readonly #checker: BatchChecker;
  readonly #deadlines = new Deadlines((lookup) => lookup.reject(timeoutError(lookup, this.#partsOrThrow())));
  readonly #inline: InlineStats;
  #listening = false;
  #fatal: EmbeddingError | undefined;
  #closing: Promise<void> | undefined;
  #lookups = 0;
  #inlineLookups = 0;
  #failedLookups = 0;

  /** @internal */
  constructor(parts: EngineParts) {
    const { options, map, counters, records, views, kernels } = parts;
    this.#options = options;
    this.plan = parts.plan;
    this.#checker = parts.checker;
    const allocator = new Allocator(map.heapPtr, map.heapBytes);
    const results = new ResultPool(allocator, options.lagBound + 1, () => this.#parts?.dispatcher.pump());
    const access = new AccessLog(options.features.map(({ table }) => rowShardStarts(parts.plan, table)));
    const history = new StepHistory(options.ranks, HISTORY_STEPS);
    const replication = new Replication({
      tables: options.tables.map(({ name }) => name),
      featureTables: options.features.map(({ table }) => table),
      replicated: options.tables.flatMap(({ name, replicated }) => (replicated === true ? [name] : [])),
    });
    const dispatcher = new Dispatcher(
      {
        ranks: options.ranks,
        map,
        counters,
        views,
        kernel: kernels[0],
        allocator,
        results,
        shape: this.#stageShape(),
        inputColumns: options.stage?.inputColumns ?? 0,
        history,
        access,
        replication,
      },
      { maxCoalescedLookups: options.maxCoalescedLookups, counterStart: parts.counterStart },
    );
    const lane = new CallerLane({ kernels, records, map, views, allocator });
    const here = new InlineLookups({ lane, results, views, heapBytes: map.heapBytes });
    const bell = new Doorbell(counters, counters.ranks, 0);
    const lag = new LagControl({
      counters,
      history,
      auto: options.lagAuto,
      limits: { maxLagBound: options.lagBound, latencyBudgetMs: options.lagLimits.latencyBudgetMs },
      stage: options.stage !== undefined,
      setDepth: (steps) => {
        dispatcher.depth = steps;
      },
    });
    this.#parts = { ...parts, allocator, results, dispatcher, here, replication, bell, history, access, lag };
    const mode = options.stage === undefined ? options.inline : "never";
    this.#inline = { mode, limitBytes: mode === "always" ? Number.POSITIVE_INFINITY : 0, handoverUs: 0, gatherNsPerByte: 0 };
  }

  /**
   * Looks up and pools a batch. Calls may overlap: they are coalesced into steps, and each gets its own result. Small lookups may
   * run on the caller's thread (option `inline`); the bits are the same. The arrays are borrowed until the promise settles.
   * The fields of LookupOptions are read from the second argument, or else from the batch.
   * @throws (rejects) EmbeddingError; a rejected lookup does no harm to others. See EmbeddingErrorCode.
   */
  async lookup(batch: LookupBatch & LookupOptions, options: LookupOptions = {}): Promise<LookupResult> {
    const checked = this.#admit(batch);
    const columns = this.#stageShape()?.columns ?? checked.picks.columns;
    const out = this.#checker.checkOut(options.out ?? batch.out, checked.batchSize, columns);
    const how = this.#checker.checkWaiting({
      signal: options.signal ?? batch.signal,
      timeoutMs: options.timeoutMs ?? batch.timeoutMs ?? this.#options.lookupTimeoutMs,
      lagClass: options.lagClass ?? batch.lagClass,
      caller: options.caller ?? batch.caller,
    });
    if (how.signal?.aborted) throw this.#count(abortError(how.signal));
    if (checked.batchSize === 0) return this.#emptyResult(checked, out);
    if (this.#mayInline(checked, how.caller)) {
      this.#inlineLookups += 1;
      return this.#counting(() => this.#open().here.result(checked, out));
    }
    if (this.#open().dispatcher.queuedOf(how.lagClass) >= this.#options.maxQueuedLookups) {
      const limit = this.#options.maxQueuedLookups;
      throw this.#count(
        new EmbeddingError(
          "EMBEDDING_QUEUE_FULL",
          `${limit} lookups wait already (maxQueuedLookups): slow down, or open with a larger limit`,
          { got: limit + 1, expected: limit },
        ),
      );
    }
    return this.#submit(checked, { ...how, out });
  }

  /**
   * Looks up on the caller's own thread, whatever the size: no hand-over, the same bits. For small batches. Without `out` the result
   * is a view of shared memory that is valid until the next lookupSync; with it, `out` ([batchSize, columns]) holds the values.
   * @throws EmbeddingError as lookup; EMBEDDING_UNSUPPORTED with a stage
   */
  lookupSync(batch: LookupBatch, out?: Float32Array | { out?: Float32Array }): SyncResult {
    if (this.#options.stage !== undefined) {
      throw new EmbeddingError("EMBEDDING_UNSUPPORTED", "lookupSync: the engine has a stage, which only ranks run; use lookup");
    }
    const checked = this.#admit(batch);
    const given =
      Object.prototype.toString.call(out) === "[object Object]" ? (out as { out?: Float32Array }).out : (out as Float32Array | undefined);
    const values = this.#checker.checkOut(given, checked.batchSize, checked.picks.columns);
    this.#inlineLookups += 1;
    return this.#counting(() => syncResult(this.#open().here.parts(checked, values)));
  }

  /**
   * As lookupSync with `out`, without the object around it. For the APIs that stand on the engine, whose features are all pooled and
   * who have made `out` themselves, [batchSize, columns].
   * @internal
   */
  lookupInto(batch: LookupBatch, out: Float32Array): void {
    const checked = this.#admit(batch);
    this.#inlineLookups += 1;
    this.#counting(() => this.#open().here.into(checked, out));
  }

  /** Counters since the opening, a snapshot. */
  stats(): EngineStats {
    const { options, map, views, counters, dispatcher, results, allocator, lag, hugePages, replication } = this.#open();
    return {
      lookups: this.#lookups,
      inlineLookups: this.#inlineLookups,
      failedLookups: this.#failedLookups,
      queuedLookups: dispatcher.queued,
      stepsUnderWay: dispatcher.underWay,
      ...dispatcher.stats,
      ...dispatcher.queueStats,
      ...results.stats,
      ranks: readRankStats(views, { map, counters, ranks: options.ranks }),
      inline: { ...this.#inline },
      replicatedTables: replication.tables,
      lag: lag.stats,
      memory: memoryStats({ plan: this.plan, map, ranks: options.ranks, heapUsedBytes: allocator.usedBytes, hugePages: hugePages.stats }),
    };
  }

  /**
   * What the ranks did in the last steps that are over, oldest first: when each pooled and finished, for timelines. At most `count` of the
   * 1,024 that are kept. Fresh objects.
   */
  recentSteps(count = 64): StepTrace[] {
    return this.#open().history.recent(count);
  }

  /**
   * What costs time in the last steps, and what helps: more lag, another plan, sharing out hot rows, fewer ranks. Looks at up to 512 steps of
   * the ranks; lookups on the caller's thread are no part of it. Takes some milliseconds. `String(engine.diagnose())` is for people.
   */
  diagnose(): Diagnosis {
    const { options, plan, history, access, lag, replan } = this.#open();
    return diagnose({
      times: history.times(DIAGNOSED_STEPS, options.stage !== undefined),
      lagBound: lag.stats.lagBound,
      maxLagBound: options.lagBound,
      plan,
      replan,
      parallelism: availableParallelism(),
      ...accessByTable(access, { plan, features: options.features }),
      cores: history.cores(DIAGNOSED_STEPS),
    });
  }

  /**
   * From the next step on all ranks pool these tables, each for its own slice of the batch, and no others: the whole set, [] for none. What helps
   * against hot tables and hot rows (see diagnose); the results stay the same bits. It copies nothing, for all ranks may read all rows, so it
   * takes effect at once. Steps under way keep to the set they were made with.
   * @param tables names of tables
   * @throws EmbeddingError EMBEDDING_OPTIONS for a name that no table has; the set stays what it was
   */
  replicate(tables: readonly string[]): void {
    this.#open().replication.set(tables);
  }

  /**
   * Ends the engine: open lookups are rejected with EMBEDDING_CLOSED, threads end, memory is given back. Results that were handed out
   * stay readable. May be called more than once, and after a rank was lost. Without ranks all is done when it returns.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { counters, gang, onClosed } = this.#partsOrThrow();
    this.fail(new EmbeddingError("EMBEDDING_CLOSED", "the engine was closed"));
    this.#deadlines.stop();
    counters.stop();
    // Without ranks nothing is waited for: all is given back before close() returns.
    if (gang !== undefined) await gang.stop(CLOSE_GRACE_MS);
    this.#parts = undefined;
    onClosed();
  }

  /** Rejects all open lookups and all later ones with `error`. For the gang, when a rank is lost. @internal */
  fail(error: EmbeddingError): void {
    // What all ranks have finished is finished, whatever happened to one of them afterwards.
    this.#parts?.dispatcher.collect();
    this.#fatal = error;
    for (const lookup of [...this.#deadlines.open]) lookup.reject(error);
  }

  /** Sets the limit up to which lookups run on the caller's thread, and counts from here on. For openEngine, after it has measured. @internal */
  begin(measured: { limitBytes: number; handoverUs: number; gatherNsPerByte: number }): void {
    Object.assign(this.#inline, measured);
    Object.assign(this.#open().dispatcher.stats, { steps: 0, coalescedLookups: 0, cutLookups: 0 });
    this.#lookups = 0;
    this.#inlineLookups = 0;
  }

  /** Whether a lookup runs right here: it is small, and none of its caller's is under way that it would overtake. */
  #mayInline(batch: CheckedBatch, caller: unknown): boolean {
    if (this.#inline.limitBytes === 0 || gatheredBytes(batch) > this.#inline.limitBytes) return false;
    if (caller === undefined) return true;
    for (const lookup of this.#deadlines.open) if (lookup.caller === caller) return false;
    return true;
  }

  #submit(batch: CheckedBatch, how: HowToLookUp): Promise<LookupResult> {
    const lookup = new Lookup(batch, how, (settled) => {
      this.#deadlines.remove(settled);
      if (settled.failed) this.#failedLookups += 1;
      if (settled.dispatched < settled.batch.batchSize) this.#parts?.dispatcher.drop(settled);
    });
    this.#deadlines.add(lookup);
    this.#open().dispatcher.submit(lookup);
    if (!this.#listening) void this.#listen();
    return lookup.promise;
  }

  /** Collects finished steps while there are any under way. */
  async #listen(): Promise<void> {
    this.#listening = true;
    try {
      while (this.#parts !== undefined && this.#fatal === undefined) {
        const { bell, dispatcher, lag } = this.#parts;
        const seen = bell.read();
        dispatcher.collect();
        lag.turn();
        if (dispatcher.underWay === 0) return;
        await bell.waitAsync(seen, LISTEN_MS);
      }
    } finally {
      this.#listening = false;
    }
  }

  #emptyResult(batch: CheckedBatch, out: Float32Array | undefined): LookupResult {
    this.#counting(() => copyOffsets(batch));
    const shape = this.#stageShape() ?? batch.picks;
    const gathered = new GatheredRows(batch, shape, out);
    return new FinishedLookup(batch, resultParts(batch, shape, gathered.values, gathered.jagged));
  }

  /** Takes a lookup in: the engine must be open and the batch well-formed. */
  #admit(batch: LookupBatch): CheckedBatch {
    this.#open();
    this.#lookups += 1;
    return this.#counting(() => this.#checker.check(batch));
  }

  /** Counts what `act` throws. */
  #counting<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#count(error);
    }
  }

  #count<E>(error: E): E {
    this.#failedLookups += 1;
    return error;
  }

  /** What a stage's rows look like: its own columns, or the features' when it keeps their number. */
  #stageShape(): RowShape | undefined {
    const { stage } = this.#options;
    if (stage === undefined) return undefined;
    const { columns, columnOffsets } = this.#checker.all;
    return { columns: stage.columns, columnOffsets: stage.columns === columns ? columnOffsets : [0, stage.columns] };
  }

  #open(): EngineParts & Machinery {
    if (this.#fatal !== undefined) throw this.#fatal;
    return this.#partsOrThrow();
  }

  #partsOrThrow(): EngineParts & Machinery {
    if (this.#parts === undefined) throw new EmbeddingError("EMBEDDING_CLOSED", "the engine is closed");
    return this.#parts;
  }
}
