import { describe, expect, it } from "@jest/globals";
import { type LabResult, runLab } from "#host/lab/lab.js";
import { labPage } from "#host/lab/page.js";
import { printLab } from "#host/lab/print.js";
import { SCENARIOS, type Scenario } from "#host/lab/scenarios.js";
import { timeline } from "#host/lab/timeline.js";
import { BASELINES, lagWay } from "#host/lab/ways.js";
import { MESSAGES, type Messages, makeWorkload } from "#host/lab/workload.js";

const SMALL = { ranks: 3, steps: 24, baseMs: 0.2, delayMs: 0.5, seed: 7, rounds: 2 };

function lab(more: Partial<Parameters<typeof runLab>[0]> = {}): Promise<LabResult> {
  return runLab({ ...SMALL, scenario: "rotating", messages: "even", load: "closed", ways: [lagWay(0), lagWay(2)], ...more });
}

describe("runLab", () => {
  it.each(Object.keys(SCENARIOS) as Scenario[])("runs %s to the end, every step traced, every value the reference's", async (scenario) => {
    const { ways } = await lab({ scenario, steps: 12 });
    expect(ways.map(({ name, lagBound }) => ({ name, lagBound }))).toEqual([
      { name: "synchronous", lagBound: 0 },
      { name: "lag bound 2", lagBound: 2 },
    ]);
    for (const { runs, predicted } of ways) {
      expect(runs).toHaveLength(SMALL.rounds);
      for (const { traces } of runs)
        expect(traces.map(({ step }) => step - traces[0].step)).toEqual(Array.from({ length: 12 }, (_, n) => n));
      for (const { stepsPerSecond, meanOfMaxMs, maxOfMeanMs } of predicted) {
        expect(stepsPerSecond).toBeGreaterThan(0);
        expect(maxOfMeanMs).toBeLessThanOrEqual(meanOfMaxMs);
      }
    }
  });

  it.each(Object.keys(MESSAGES) as Messages[])("runs with messages that are %s", async (messages) => {
    const { ways } = await lab({ messages });
    expect(ways[1].runs[0].traces).toHaveLength(SMALL.steps);
  });

  it("runs the baselines, each on the same delays", async () => {
    const { ways } = await lab({ ways: [lagWay(0), ...BASELINES] });
    expect(ways.map(({ runs }) => runs[0].traces.length)).toEqual([SMALL.steps, SMALL.steps * 4, SMALL.steps]);
  });

  it("hedging ends the wait of a late rank: no stage takes its whole delay", async () => {
    const { ways } = await lab({
      scenario: "constant",
      ranks: 2,
      baseMs: 5,
      delayMs: 500,
      steps: 4,
      rounds: 1,
      ways: [lagWay(0), BASELINES[1]],
    });
    const longest = (way: number): number =>
      Math.max(...ways[way].runs[0].traces.map(({ ranks }) => ranks[1].finishEndMs - ranks[1].finishStartMs));
    expect(longest(0)).toBeGreaterThanOrEqual(500);
    expect(longest(1)).toBeLessThan(500);
  });

  it("lets lookups arrive at a part of the synchronous rate", async () => {
    const { arrivalsPerSecond, ways } = await lab({ load: 0.5 });
    expect(arrivalsPerSecond).toBeGreaterThan(0);
    for (const { runs } of ways) expect(runs[0].latencyMs.p50).toBeGreaterThan(0);
  });

  it("runs stages that promise, which take as long", async () => {
    const { ways } = await lab({ sleep: "promise", baseMs: 0, delayMs: 20, steps: 6 });
    const late = ways[1].runs[0].traces.map(({ ranks }, step) => ranks[step % SMALL.ranks]);
    // Timers of promises are whole milliseconds.
    for (const { finishStartMs, finishEndMs } of late) expect(finishEndMs - finishStartMs).toBeGreaterThan(18);
  });

  it("closes its engines when a way cannot be opened", async () => {
    await expect(lab({ ways: [lagWay(0), lagWay(5000)] })).rejects.toMatchObject({ code: "EMBEDDING_OPTIONS" });
  });
});

describe("makeWorkload", () => {
  it("is the same for the same seed, and its hot table has most of the lookups", () => {
    const one = makeWorkload({ messages: "uneven", hot: "nothing", seed: 4 });
    expect(makeWorkload({ messages: "uneven", hot: "nothing", seed: 4 }).batches).toEqual(one.batches);
    const [{ batchSize, offsets, indices }] = makeWorkload({ messages: "even", hot: "table", seed: 4 }).batches;
    expect(offsets[batchSize] / indices.length).toBeGreaterThan(0.95);
  });
});

describe("the report", () => {
  it("has every way, what is predicted of it, and who waited; as text and as a page that fetches nothing", async () => {
    const result = await lab({ ways: [lagWay(0), lagWay(2), ...BASELINES] });
    const text = printLab(result);
    for (const name of ["synchronous", "lag bound 2", "synchronous, 4 micro-batches", "synchronous, hedged"]) expect(text).toContain(name);
    expect(text).toMatch(/E\[max\] [\d.]+ ms predicts/);
    const page = labPage([result], "a <machine> & more");
    expect(page).toContain("a &lt;machine&gt; &amp; more");
    expect(page.match(/<svg/g)).toHaveLength(2 + 4);
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
  });

  it("draws a bar for every stage, and nothing of nothing", async () => {
    const { ways } = await lab();
    const { traces } = ways[0].runs[0];
    expect(timeline(traces, "x").match(/finished/g)).toHaveLength(SMALL.steps * SMALL.ranks);
    expect(timeline([], "x")).toBe("");
  });
});
