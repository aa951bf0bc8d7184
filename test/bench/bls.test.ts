import { describe, expect, it } from "@jest/globals";
import type { FindingKind } from "lagbag";
import { GOALS } from "#bench/bls/goals.js";
import { groupOf } from "#bench/bls/group.js";
import { formatLags } from "#bench/bls/print.js";
import { type Comparison, type Group, reachesGoal } from "#bench/report.js";
import { type LabResult, runLab } from "#host/lab/lab.js";
import type { LabRun } from "#host/lab/subject.js";
import { lagWay, remedyWays } from "#host/lab/ways.js";

const BOUNDS = [0, 4, 16, "auto"] as const;
const RANKS = 2;
const STEPS = 100;

/** What is made up of a way: in each round its rate, what was predicted, its p99, and the bound at its end. */
interface Made {
  rates: number[];
  predicted: number[];
  p99Ms: number[];
  bounds: number[];
}

/** Two rounds of four ways. */
const MADE: readonly Made[] = [
  { rates: [100, 200], predicted: [125, 250], p99Ms: [50, 60], bounds: [0, 0] },
  { rates: [150, 320], predicted: [200, 400], p99Ms: [40, 30], bounds: [4, 4] },
  { rates: [240, 300], predicted: [250, 300], p99Ms: [10, 15], bounds: [16, 16] },
  { rates: [228, 336], predicted: [240, 336], p99Ms: [20, 21], bounds: [8, 2] },
];

/** Rank 1 waits for credit a quarter of the run, rank 0 for data a tenth. Stages take 1 ms on rank 0 and 2 ms on rank 1, from 7 ms on. */
function runOf(stepsPerSecond: number, p99: number, lagBound: number): LabRun {
  const elapsedMs = (STEPS / stepsPerSecond) * 1000;
  const idle = { waitForCreditMs: 0, waitForDataMs: 0 };
  return {
    stepsPerSecond,
    elapsedMs,
    latencyMs: { p50: p99 / 2, p99, p999: p99 * 2, max: p99 * 3 },
    traces: Array.from({ length: STEPS }, (_, step) => ({
      step,
      ranks: [1, 2].map((ms) => ({ finishStartMs: 7 + step * ms, finishEndMs: 7 + (step + 1) * ms })),
    })),
    ranks: [
      { ...idle, rank: 0, waitForDataMs: elapsedMs / 10 },
      { ...idle, rank: 1, waitForCreditMs: elapsedMs / 4 },
    ],
    lag: { lagBound },
    diagnosis: { steps: STEPS, findings: KINDS.map((kind) => ({ kind })) },
  } as unknown as LabRun;
}

/** What every run's diagnosis finds. */
const KINDS: readonly FindingKind[] = ["starved-machine", "transient-delay"];

function resultOf(changes: Partial<LabResult["options"]> = {}, made: readonly Made[] = MADE): LabResult {
  const load = changes.load ?? "closed";
  const options: LabResult["options"] = {
    scenario: "rotating",
    messages: "even",
    load,
    ways: BOUNDS.slice(0, made.length).map(lagWay),
    rounds: 2,
    steps: STEPS,
    ranks: RANKS,
    baseMs: 1,
    delayMs: 3,
    seed: 1,
    ...changes,
  };
  return {
    options,
    arrivalsPerSecond: load === "closed" ? undefined : 70,
    ways: made.map(({ rates, predicted, p99Ms, bounds }, n) => ({
      name: options.ways[n].name,
      lagBound: bounds[1],
      runs: rates.map((rate, round) => runOf(rate, p99Ms[round], bounds[round])),
      predicted: predicted.map((stepsPerSecond) => ({ stepsPerSecond, meanOfMaxMs: 4, maxOfMeanMs: 2 })),
    })),
  };
}

function found({ comparisons }: Group, what: string, of: string): Comparison {
  const one = comparisons.find((comparison) => comparison.what === what && comparison.of === of);
  if (one === undefined) throw new Error(`no comparison ${what}, ${of}`);
  return one;
}

describe("groupOf", () => {
  const group = groupOf(resultOf(), { goals: true });

  it("has a case for each way: its rates round by round, latencies in microseconds, what was predicted, and who waited", () => {
    expect(group.cases.map(({ name, rounds }) => ({ name, rounds }))).toEqual([
      { name: "synchronous", rounds: [100, 200] },
      { name: "lag bound 4", rounds: [150, 320] },
      { name: "lag bound 16", rounds: [240, 300] },
      { name: "lag bound auto", rounds: [228, 336] },
    ]);
    expect(group.cases[1].facts).toEqual({
      lagBound: 4,
      p50Us: 17_500,
      p99Us: 35_000,
      p999Us: 70_000,
      p50UsRounds: [20_000, 15_000],
      p99UsRounds: [40_000, 30_000],
      predictedStepsPerSecond: 300,
      meanOfMaxMs: 4,
      maxOfMeanMs: 2,
      creditWaitPercent: [0, 25],
      dataWaitPercent: [10, 0],
    });
  });

  it("says whether the diagnosis was right, run by run", () => {
    expect(group.facts).toMatchObject({
      diagnosisWanted: "transient-delay",
      diagnosisGot: "starved-machine, transient-delay",
      diagnosisRightRounds: 2,
    });
    expect(groupOf(resultOf({ scenario: "none" }), { goals: true }).facts).toMatchObject({
      diagnosisWanted: "balanced",
      diagnosisRightRounds: 0,
    });
    expect(formatLags(group)).toMatch(
      /^diagnosis of the synchronous run: starved-machine, transient-delay, wanted transient-delay: right in 2 of 2$/m,
    );
  });

  it("takes a remedy for no lag bound: it is compared with the synchronous run, and is no best bound", () => {
    const ways = [lagWay(0), lagWay(4), lagWay("auto"), ...remedyWays("rows").slice(2)];
    const made = [MADE[0], MADE[1], MADE[3], { ...MADE[2], rates: [900, 900] }];
    const remedied = groupOf(resultOf({ ways, scenario: "rows" }, made), { goals: true });
    expect(remedied.cases[3]).toMatchObject({
      name: "lag bound 4, no stealing, replicated",
      facts: { replicated: "true", workStealing: "false" },
    });
    expect(remedied.cases[3].facts.lagBound).toBeUndefined();
    expect(found(remedied, "gain", "lag bound 4, no stealing, replicated").rounds).toEqual([9, 4.5]);
    expect(found(remedied, "auto of best", "lag bound auto").rounds).toEqual([228 / 150, 336 / 320]);
  });

  it("says of auto where it settled, and of the others their bound", () => {
    expect(group.cases[3].facts).toMatchObject({ settledBoundRounds: [8, 2] });
    expect(group.cases[3].facts.lagBound).toBeUndefined();
    expect(group.cases.map(({ facts }) => facts.lagBound)).toEqual([0, 4, 16, undefined]);
  });

  it("compares with the synchronous run of the same round", () => {
    expect(found(group, "gain", "lag bound 16")).toMatchObject({ to: "synchronous", rounds: [2.4, 1.5] });
    expect(found(group, "p99", "lag bound 16")).toMatchObject({ to: "synchronous", rounds: [0.2, 0.25], lowerIsBetter: true });
  });

  it("compares with what the same run's times allow, of the synchronous run as well", () => {
    expect(found(group, "of predicted", "synchronous").rounds).toEqual([0.8, 0.8]);
    expect(found(group, "of predicted", "lag bound 16")).toMatchObject({ rounds: [0.96, 1], goal: 0.97 });
    expect(found(group, "of predicted", "lag bound 4").goal).toBeUndefined();
  });

  it("compares auto with the best fixed bound of each round, whichever that is", () => {
    expect(found(group, "auto of best", "lag bound auto")).toMatchObject({ to: "best fixed bound", rounds: [0.95, 1.05], goal: 0.95 });
  });

  it("compares auto with nothing where it was not run, or had nobody beside it", () => {
    const without = groupOf(resultOf({}, MADE.slice(0, 3)), { goals: true });
    const alone = groupOf(resultOf({ ways: [lagWay(0), lagWay("auto")] }, [MADE[0], MADE[3]]), { goals: true });
    for (const { comparisons } of [without, alone]) expect(comparisons.filter(({ what }) => what === "auto of best")).toEqual([]);
  });

  it("has goals only where they were asked for", () => {
    expect(group.comparisons.filter(({ goal }) => goal !== undefined)).toHaveLength(2);
    expect(groupOf(resultOf(), { goals: false }).comparisons.filter(({ goal }) => goal !== undefined)).toEqual([]);
  });

  it("wants gains of 0.98 where there is nothing to gain: of 4 and 16 without delays, of all where one is always late", () => {
    const goals = (scenario: "none" | "constant"): (number | undefined)[] => {
      const one = groupOf(resultOf({ scenario }), { goals: true });
      return ["lag bound 4", "lag bound 16", "lag bound auto"].map((name) => found(one, "gain", name).goal);
    };
    expect(goals("none")).toEqual([0.98, 0.98, undefined]);
    expect(goals("constant")).toEqual([0.98, 0.98, 0.98]);
    expect(groupOf(resultOf({ scenario: "none" }), { goals: true }).cases[3].facts.mostWantedBound).toBe(2);
  });

  it("compares nothing but p99 in an open loop, and has the goal on the bound with the least", () => {
    const open = groupOf(resultOf({ scenario: "exponential", load: 0.7 }), { goals: true });
    expect(open.comparisons.map(({ what, of, goal }) => ({ what, of, goal }))).toEqual([
      { what: "p99", of: "lag bound 4", goal: undefined },
      { what: "p99", of: "lag bound 16", goal: GOALS.exponential?.openP99 },
      { what: "p99", of: "lag bound auto", goal: undefined },
    ]);
    expect(open.facts).toMatchObject({ load: 0.7, arrivalsPerSecond: 70 });
    const other = groupOf(resultOf({ scenario: "exponential", load: 0.5 }), { goals: true });
    expect(other.comparisons.filter(({ goal }) => goal !== undefined)).toEqual([]);
  });

  it("draws the steps in the middle of the last round, from where the first of them began", () => {
    const [{ name, startsMs, endsMs }] = group.timelines ?? [];
    expect(name).toBe("synchronous");
    expect(startsMs.map((row) => [row.length, row[0], row[1]])).toEqual([
      [40, 0, 1],
      [40, 30, 32],
    ]);
    expect(endsMs[0][0]).toBe(1);
  });
});

describe("formatLags", () => {
  const textOf = (result: LabResult, goals = true): string => formatLags(groupOf(result, { goals }));

  it("has a line for each way, who waited, and which goals were reached", () => {
    const text = textOf(resultOf());
    expect(text).toMatch(/^lag bound 16 +16 +270 \(240 - 300\) +1\.95 \(1\.50 - 2\.40\) +275 +0\.980 /m);
    expect(text).toMatch(/^lag bound auto +-> 2 /m);
    expect(text).toMatch(/^synchronous +0\/10 +25\/0$/m);
    expect(text).toContain("of predicted, lag bound 16 / simulation of its times: 0.980 (0.960 - 1.00), goal >= 0.97: reached");
    expect(text).toContain("lag bound auto settled at 8, 2");
    expect(text).not.toContain("wanted <=");
  });

  it("says what was not reached", () => {
    const none = textOf(resultOf({ scenario: "none" }));
    expect(none).toContain("lag bound auto settled at 8, 2, wanted <= 2: not reached");
    const slow = [MADE[0], { ...MADE[1], rates: [90, 180] }];
    expect(textOf(resultOf({ scenario: "constant" }, slow))).toContain("goal >= 0.98: not reached");
  });

  it("says of an open loop how lookups arrive", () => {
    const open = textOf(resultOf({ scenario: "exponential", load: 0.7 }));
    expect(open).toContain("lookups arrive by Poisson, 70.0 a second, 0.7 of the synchronous rate");
    expect(open).toContain("p99, lag bound 16 / synchronous: 0.225 (0.200 - 0.250), goal <= 0.55: reached");
  });

  it("says why stages that promise have no goals", () => {
    const text = textOf(resultOf({ sleep: "promise" }), false);
    expect(text).toContain("Stages promise");
    expect(text).not.toContain("goal >=");
  });
});

describe("a result of the lab itself", () => {
  it("becomes a group, with every figure a number", async () => {
    const result = await runLab({
      scenario: "rotating",
      messages: "even",
      load: "closed",
      ways: [lagWay(0), lagWay(2), lagWay("auto")],
      rounds: 1,
      steps: 12,
      ranks: 2,
      baseMs: 0.2,
      delayMs: 0.5,
      seed: 3,
    });
    const { cases, comparisons, timelines } = groupOf(result, { goals: true });
    const numbers = JSON.stringify([cases, comparisons, timelines], (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? "no number" : value,
    );
    expect(numbers).not.toContain("no number");
    expect(comparisons.every((one) => one.goal === undefined || typeof reachesGoal(one) === "boolean")).toBe(true);
    expect(timelines?.map(({ startsMs }) => startsMs.map((row) => row.length))).toEqual([
      [12, 12],
      [12, 12],
      [12, 12],
    ]);
  });
});
