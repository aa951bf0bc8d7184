import type { StepTrace } from "../lag/history.js";
import { type StepTimes, simulate, unboundedMs } from "../lag/simulate.js";
import type { LabRun } from "./subject.js";

/** What the recorded times of a run allow. */
export interface Predicted {
  /** Mean over steps of the slowest rank's time: a synchronous step, in milliseconds. */
  meanOfMaxMs: number;
  /** The slowest rank's mean time: a step with lag for ever, in milliseconds. */
  maxOfMeanMs: number;
  /** Steps per second that the same times give under the run's lag bound when nothing else takes any. */
  stepsPerSecond: number;
}

/** The ranks' own times by the traces of a run. asynchronous: its stages promised. */
export function timesOf(traces: readonly StepTrace[], { asynchronous }: { asynchronous: boolean }): StepTimes {
  const ranks = traces[0]?.ranks.length ?? 1;
  const all = traces.flatMap((trace) => trace.ranks);
  return {
    ranks,
    steps: traces.length,
    writeMs: Float64Array.from(all, ({ writeStartMs, writeEndMs }) => writeEndMs - writeStartMs),
    finishMs: Float64Array.from(all, ({ finishStartMs, finishEndMs }) => finishEndMs - finishStartMs),
    stage: true,
    asynchronous,
  };
}

/** What a run's times allow under a bound. */
export function predict(times: StepTimes, lagBound: number): Predicted {
  const { ranks, steps, writeMs, finishMs } = times;
  let sumOfMaxMs = 0;
  for (let step = 0; step < steps; step += 1) {
    let slowestMs = 0;
    for (let entry = step * ranks; entry < (step + 1) * ranks; entry += 1)
      slowestMs = Math.max(slowestMs, writeMs[entry] + finishMs[entry]);
    sumOfMaxMs += slowestMs;
  }
  return {
    meanOfMaxMs: sumOfMaxMs / steps,
    maxOfMeanMs: unboundedMs(times) / steps,
    stepsPerSecond: (steps / simulate(times, { lagBound }).totalMs) * 1000,
  };
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A way's runs, round by round, and what each one's times allowed. */
export interface WayResult {
  name: string;
  /** The bound in force at the end of the last run. */
  lagBound: number;
  runs: LabRun[];
  predicted: Predicted[];
}
