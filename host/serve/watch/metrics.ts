import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Repository } from "../model/repository.js";
import type { ByteBudget } from "../protocol/budget.js";
import type { RequestErrorKind } from "../protocol/request-error.js";
import { EngineMetrics } from "./engine-metrics.js";

export type Wire = "rest" | "grpc";
export type Outcome = "ok" | RequestErrorKind;

/** Seconds; a lookup in its own thread takes some microseconds, a large one milliseconds. */
const LATENCY_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Requests' own series of a model on a wire, found once. */
interface Series {
  outcomes: Map<Outcome, { inc(): void }>;
  seconds: { observe(seconds: number): void };
  rows: { inc(rows: number): void };
}

/** What Prometheus is told. Values of the engines are read when it asks. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"model" | "wire" | "outcome">;
  readonly #seconds: Histogram<"model" | "wire">;
  readonly #rows: Counter<"model" | "wire">;
  readonly #inFlight: Gauge;
  readonly #series = new Map<string, Series>();

  constructor(repository: Repository, budget: ByteBudget) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const labelNames = ["model", "wire"] as const;
    this.#requests = new Counter({
      name: "lagbag_requests_total",
      help: "Inference requests, by model, wire (rest, grpc) and outcome (ok, or why not).",
      labelNames: [...labelNames, "outcome"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "lagbag_request_duration_seconds",
      help: "Seconds from a request's arrival to its written answer.",
      labelNames,
      buckets: LATENCY_BUCKETS,
      registers,
    });
    this.#rows = new Counter({ name: "lagbag_rows_total", help: "Rows that answered requests asked for.", labelNames, registers });
    this.#inFlight = new Gauge({ name: "lagbag_requests_in_flight", help: "Inference requests under way.", registers });
    new Gauge({
      name: "lagbag_request_bytes",
      help: "Bytes of bodies and answers that requests under way hold.",
      registers,
      collect() {
        this.set(budget.usedBytes);
      },
    });
    new Gauge({
      name: "lagbag_ready",
      help: "1 when all models answer.",
      registers,
      collect() {
        this.set(repository.ready ? 1 : 0);
      },
    });
    new EngineMetrics(this.#registry, repository);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that Prometheus reads. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  started(): void {
    this.#inFlight.inc();
  }

  /** model: "" when there is none of that name: names that clients make up are no labels. */
  ended(model: string, wire: Wire, { outcome, seconds, rows }: { outcome: Outcome; seconds: number; rows: number }): void {
    this.#inFlight.dec();
    const key = `${wire}/${model}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { outcomes: new Map(), seconds: this.#seconds.labels(model, wire), rows: this.#rows.labels(model, wire) };
      this.#series.set(key, series);
    }
    let requests = series.outcomes.get(outcome);
    if (requests === undefined) {
      requests = this.#requests.labels(model, wire, outcome);
      series.outcomes.set(outcome, requests);
    }
    requests.inc();
    series.seconds.observe(seconds);
    if (outcome === "ok") series.rows.inc(rows);
  }
}
