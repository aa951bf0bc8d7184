import { EmbeddingError } from "../errors.js";
import type { CheckedBatch } from "./batch.js";
import type { HowToLookUp, LagClass } from "./how.js";
import type { GatheredRows, LookupResult } from "./result.js";

/** A lookup on its way: its checked input, its caller's promise, and how far it has come. */
export class Lookup {
  readonly batch: CheckedBatch;
  readonly out: Float32Array | undefined;
  readonly lagClass: LagClass;
  /** Whose lookups keep their order, see LookupQueue. */
  readonly caller: unknown;
  /** performance.now() at which it times out. */
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly promise: Promise<LookupResult>;
  /** Samples that were given to steps already. */
  dispatched = 0;
  /** Private offsets of a lookup that is cut into several steps. */
  offsets: Int32Array | undefined;
  /** Own arrays of a result that is put together from several steps, or copied. */
  gathered: GatheredRows | undefined;
  /** The latest step that works on it; undefined while it waits in the queue. */
  step: number | undefined;
  settled = false;
  /** It was rejected. */
  failed = false;
  #resolve!: (result: LookupResult) => void;
  #reject!: (error: EmbeddingError) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onSettled: (lookup: Lookup) => void;

  constructor(batch: CheckedBatch, how: HowToLookUp, onSettled: (lookup: Lookup) => void) {
    this.batch = batch;
    this.out = how.out;
    this.lagClass = how.lagClass;
    this.caller = how.caller;
    this.timeoutMs = how.timeoutMs;
    this.deadlineMs = performance.now() + how.timeoutMs;
    this.#signal = how.signal;
    this.#onSettled = onSettled;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  resolve(result: LookupResult): void {
    if (this.#settle()) this.#resolve(result);
  }

  reject(error: EmbeddingError): void {
    if (this.settled) return;
    this.failed = true;
    this.#settle();
    this.#reject(error);
  }

  readonly #onAbort = (): void => {
    this.reject(abortError(this.#signal));
  };

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#onSettled(this);
    return true;
  }
}

/** The error of an aborted lookup; `cause` is the signal's reason. */
export function abortError(signal: AbortSignal | undefined): EmbeddingError {
  return new EmbeddingError("EMBEDDING_ABORTED", "the lookup was aborted by its signal", { cause: signal?.reason as unknown });
}
