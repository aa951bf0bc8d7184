import { createHistogram } from "node:perf_hooks";

/** Percentiles of one round, in microseconds. */
export interface LatencyRound {
  p50Us: number;
  p99Us: number;
}

/** Collects the durations of single calls in a histogram, round by round. */
export class LatencyRecorder {
  readonly #histogram = createHistogram();
  readonly rounds: LatencyRound[] = [];

  /** Notes a call that began at performance.now() = startMs and has just ended. */
  record(startMs: number): void {
    this.#histogram.record(Math.max(1, Math.round((performance.now() - startMs) * 1e6)));
  }

  /** Ends a round; `counts` is false for rounds that only warm up. */
  endRound({ counts }: { counts: boolean }): void {
    if (counts) this.rounds.push({ p50Us: this.#histogram.percentile(50) / 1e3, p99Us: this.#histogram.percentile(99) / 1e3 });
    this.#histogram.reset();
  }
}
