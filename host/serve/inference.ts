import type { Logger } from "pino";
import type { LookupSeen, Model } from "./model/model.js";
import type { Repository } from "./model/repository.js";
import type { ByteBudget } from "./protocol/budget.js";
import type { Limits } from "./protocol/limits.js";
import type { InferAnswer, InferRequest } from "./protocol/request.js";
import { RequestError, toRequestError } from "./protocol/request-error.js";
import type { Metrics, Wire } from "./watch/metrics.js";
import type { Carrier, Tracing } from "./watch/tracing.js";

/** @throws RequestError "not_found" */
export type FindModel = (name: string, version: string) => Model;

/** A request as a wire hands it over: how to read it, how to write its answer. */
export interface InferCall<T> {
  wire: Wire;
  /** performance.now() when it was there. */
  arrivedMs: number;
  carrier(): Carrier;
  /** Reads the request; `find` gives its model, and notes whose request this is. @throws RequestError */
  read(find: FindModel): { model: Model; request: InferRequest };
  /** Date.now() at which the client gives up, if it says so. */
  deadlineEpochMs?: number;
  /** A signal for when the client is gone. */
  signal(): AbortSignal;
  write(answer: InferAnswer, request: InferRequest): T;
}

/** What inferences are run with. */
export interface InferenceParts {
  repository: Repository;
  limits: Limits;
  budget: ByteBudget;
  metrics: Metrics;
  tracing: Tracing;
  log: Logger;
  /** Milliseconds that a request may take when it says nothing. */
  timeoutMs: number;
  seen: (lookup: LookupSeen) => void;
}

/** The road that the requests of both wires take: read, find the model, look up, write; counted, timed, traced. */
export class Inference {
  readonly parts: InferenceParts;
  /** Requests under way. */
  underWay = 0;

  constructor(parts: InferenceParts) {
    this.parts = parts;
  }

  /** @throws (rejects) RequestError, nothing else */
  async run<T>(call: InferCall<T>): Promise<T> {
    const { repository, limits, budget, metrics, tracing, log } = this.parts;
    const { wire, arrivedMs } = call;
    const span = tracing.start("infer", call.carrier, { "rpc.system": wire });
    let model = "";
    let rows = 0;
    let error: RequestError | undefined;
    this.underWay += 1;
    metrics.started();
    try {
      const { model: found, request } = call.read((name, version) => {
        const one = repository.find(name, version);
        model = one.name;
        return one;
      });
      const how = { arrivedMs, timeoutMs: this.#timeoutMs(call, request), signal: call.signal };
      const seen = (lookup: LookupSeen): void => {
        rows = lookup.prepared.rows;
        this.parts.seen(lookup);
      };
      const write = (answer: InferAnswer): T => call.write(answer, request);
      return await tracing.within(span, () => found.infer(request, how, { limits, budget, write, seen }));
    } catch (cause) {
      error = toRequestError(cause);
      if (error.kind === "internal") log.error({ err: cause, wire, model }, "request failed");
      throw error;
    } finally {
      this.underWay -= 1;
      const ms = performance.now() - arrivedMs;
      const outcome = error?.kind ?? "ok";
      metrics.ended(model, wire, { outcome, seconds: ms / 1000, rows });
      tracing.end(span, { "lagbag.model": model, "lagbag.rows": rows }, error);
      if (log.isLevelEnabled("debug")) log.debug({ wire, model, outcome, ms, rows, ...(error && { error: error.message }) }, "request");
    }
  }

  /** The shortest of what the client, its deadline and the server say. @throws RequestError "deadline" */
  #timeoutMs({ deadlineEpochMs }: { deadlineEpochMs?: number }, request: InferRequest): number {
    const left = deadlineEpochMs === undefined ? Number.POSITIVE_INFINITY : deadlineEpochMs - Date.now();
    if (left <= 0) throw new RequestError("deadline", "the deadline had passed before the request was read");
    return Math.min(left, request.timeoutMs ?? Number.POSITIVE_INFINITY, this.parts.timeoutMs);
  }
}
