import { describe, expect, it } from "@jest/globals";
import { type Predicted, predict, timesOf } from "#host/lab/measure.js";
import type { StepTrace } from "#host/lag/history.js";

/** Steps of which only the stages take time: milliseconds, [step][rank]. */
function tracesOf(times: readonly (readonly number[])[]): StepTrace[] {
  return times.map((ranks, step) => ({
    step,
    samples: 1,
    lookups: 1,
    requestedMs: 0,
    overMs: 0,
    ranks: ranks.map((ms) => ({ writeStartMs: 5, writeEndMs: 5, finishStartMs: 10, finishEndMs: 10 + ms, gatheredRows: 0 })),
  }));
}

function predicted(times: readonly (readonly number[])[], lagBound: number): Predicted {
  return predict(timesOf(tracesOf(times), { asynchronous: false }), lagBound);
}

describe("predict", () => {
  it("says what a synchronous step costs, and what a step with lag for ever: E[max] and max E", () => {
    // Two steps of three ranks: the slowest are 5 and 7, the ranks' sums 6, 9 and 4.
    const { meanOfMaxMs, maxOfMeanMs } = predicted(
      [
        [5, 2, 1],
        [1, 7, 3],
      ],
      0,
    );
    expect([meanOfMaxMs, maxOfMeanMs]).toEqual([6, 4.5]);
  });

  it("lies between the two, and comes near the latter as soon as the bound hides the delays", () => {
    const rotating = Array.from({ length: 400 }, (_, step) => [0, 1, 2, 3].map((rank) => (step % 4 === rank ? 4 : 1)));
    expect(predicted(rotating, 0)).toMatchObject({ meanOfMaxMs: 4, maxOfMeanMs: 1.75 });
    const [synchronous, four] = [0, 4].map((bound) => predicted(rotating, bound).stepsPerSecond);
    expect(synchronous).toBeGreaterThanOrEqual(1000 / 4);
    expect(synchronous).toBeLessThan(four);
    expect(four).toBeLessThanOrEqual(1000 / 1.75);
    expect(four).toBeGreaterThan(0.95 * (1000 / 1.75));
  });

  it("gains nothing where all are alike, or one is always the slowest", () => {
    for (const step of [
      [2, 2],
      [9, 1],
    ]) {
      const times = Array.from({ length: 50 }, () => step);
      expect(predicted(times, 16).stepsPerSecond).toBeCloseTo(predicted(times, 0).stepsPerSecond, 6);
    }
  });
});

describe("timesOf", () => {
  it("takes what ranks did in each step, pooling and finishing apart, and whether stages promised", () => {
    const traces = tracesOf([
      [5, 2],
      [1, 7],
    ]);
    traces[1].ranks[0].writeEndMs += 3;
    expect(timesOf(traces, { asynchronous: true })).toEqual({
      ranks: 2,
      steps: 2,
      writeMs: Float64Array.of(0, 0, 3, 0),
      finishMs: Float64Array.of(5, 2, 1, 7),
      stage: true,
      asynchronous: true,
    });
    expect(timesOf(traces, { asynchronous: false }).asynchronous).toBe(false);
  });
});
