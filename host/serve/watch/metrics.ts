import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Repository } from "../model/repository.js";
import type { ByteBudget } from "../protocol/budget.js";
import type { RequestErrorKind } from "../protocol/request-error.js";
import { EngineMetrics } from "./engine-metrics.js";

export type Wire = "rest" | "grpc";
export type Outcome = "ok" | RequestErrorKind;

/** Seconds; a lookup in its own thread takes some microseconds, a large one milliseconds. */
const LATENCY_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Figures of a model on a wire. Plain numbers: prom-client is told when it asks, for it finds a series anew at each count. */
interface Series {
  model: string;
  wire: Wire;
  outcomes: Map<Outcome, number>;
  rows: number;
  seconds: { observe(seconds: number): void };
}

/** What Prometheus is told. Values of the engines are read when it asks. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #seconds: Histogram<"model" | "wire">;
  readonly #series = new Map<string, Series>();
  #inFlight = 0;

  constructor(repository: Repository, budget: ByteBudget) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const labelNames = ["model", "wire"] as const;
    const series = this.#series;
    new Counter({
      name: "lagbag_requests_total",
      help: "Inference requests, by model, wire (rest, grpc) and outcome (ok, or why not).",
      labelNames: [...labelNames, "outcome"],
      registers,
      collect() {
        this.reset();
        for (const { model, wire, outcomes } of series.values())
          for (const [outcome, count] of outcomes) this.inc({ model, wire, outcome }, count);
      },
    });
    this.#seconds = new Histogram({
      name: "lagbag_request_duration_seconds",
      help: "Seconds from a request's arrival to its written answer.",
      labelNames,
      buckets: LATENCY_BUCKETS,
      registers,
    });
    new Counter({
      name: "lagbag_rows_total",
      help: "Rows that answered requests asked for.",
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const { model, wire, rows } of series.values()) this.inc({ model, wire }, rows);
      },
    });
    const inFlight = (): number => this.#inFlight;
    new Gauge({
      name: "lagbag_requests_in_flight",
      help: "Inference requests under way.",
      registers,
      collect() {
        this.set(inFlight());
      },
    });
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
    this.#inFlight += 1;
  }

  /** model: "" when there is none of that name: names that clients make up are no labels. */
  ended(model: string, wire: Wire, { outcome, seconds, rows }: { outcome: Outcome; seconds: number; rows: number }): void {
    this.#inFlight -= 1;
    const key = `${wire}/${model}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { model, wire, outcomes: new Map(), rows: 0, seconds: this.#seconds.labels(model, wire) };
      this.#series.set(key, series);
    }
    series.outcomes.set(outcome, (series.outcomes.get(outcome) ?? 0) + 1);
    series.seconds.observe(seconds);
    if (outcome === "ok") series.rows += rows;
  }
}
