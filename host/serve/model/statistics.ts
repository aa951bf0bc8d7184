/** A count of events and the time that they took. */
export interface Duration {
  count: number;
  ns: number;
}

/** What a model has done since it was loaded: the figures of Triton's statistics extension. */
export class ModelStatistics {
  readonly success: Duration = { count: 0, ns: 0 };
  readonly fail: Duration = { count: 0, ns: 0 };
  /** From the request's arrival to the engine: reading and checking it. */
  readonly computeInput: Duration = { count: 0, ns: 0 };
  /** In the engine, waiting for a step included. */
  readonly computeInfer: Duration = { count: 0, ns: 0 };
  /** Writing the answer. */
  readonly computeOutput: Duration = { count: 0, ns: 0 };
  /** Samples that were answered. */
  inferenceCount = 0;
  /** Milliseconds since the epoch. */
  lastInferenceMs = 0;

  /** Notes an answer, by performance.now() at its stations. */
  succeeded(samples: number, at: { arrivedMs: number; preparedMs: number; lookedUpMs: number; writtenMs: number }): void {
    add(this.success, at.writtenMs - at.arrivedMs);
    add(this.computeInput, at.preparedMs - at.arrivedMs);
    add(this.computeInfer, at.lookedUpMs - at.preparedMs);
    add(this.computeOutput, at.writtenMs - at.lookedUpMs);
    this.inferenceCount += samples;
    this.lastInferenceMs = Date.now();
  }

  failed(arrivedMs: number): void {
    add(this.fail, performance.now() - arrivedMs);
    this.lastInferenceMs = Date.now();
  }
}

function add(duration: Duration, ms: number): void {
  duration.count += 1;
  duration.ns += ms * 1e6;
}
