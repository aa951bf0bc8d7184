import { describe, expect, it } from "@jest/globals";
import { type DiagnosisInput, diagnose } from "#host/diagnose/diagnose.js";
import type { StepTimes } from "#host/lag/simulate.js";
import { type PlanTable, planTables } from "#host/plan/plan.js";
import { SHAPES, type Shape, timesOf } from "../lag/times.js";

const RANKS = 4;
const TABLES: PlanTable[] = Array.from({ length: 8 }, (_, t) => ({ name: `t${t}`, numRows: 1000, dim: 64, sharding: "table" }));
const PLAN = planTables(TABLES, { ranks: RANKS });

function input(times: StepTimes, more: Partial<DiagnosisInput> = {}): DiagnosisInput {
  return {
    times,
    lagBound: 0,
    maxLagBound: 0,
    plan: PLAN,
    lookupsPerSample: null,
    replan: (lookupsPerSample) =>
      planTables(
        TABLES.map(({ sharding: _, ...table }, t) => ({ ...table, lookupsPerSample: lookupsPerSample[t] })),
        { ranks: RANKS },
      ),
    cutByRows: [],
    cores: Array.from({ length: RANKS }, () => ({ elapsedMs: 1000, coreMs: 100, waitForCoreMs: 1 })),
    parallelism: 8,
    ...more,
  };
}

/** Steps of pooling alone, in which rank 1 takes `factor` times as long as the others. */
function pooling(factor: number): StepTimes {
  const times = timesOf("balanced");
  const writeMs = times.finishMs.map((ms, entry) => ms * (entry % RANKS === 1 ? factor : 1));
  return { ...times, writeMs, finishMs: new Float64Array(writeMs.length), stage: false };
}

describe("diagnose", () => {
  it.each<[Shape, string[]]>([
    ["balanced", []],
    ["persistent", ["persistent-overload"]],
    ["rotating", ["transient-delay"]],
    ["exponential", ["transient-delay"]],
    ["rare", ["transient-delay"]],
  ])("tells what %s times are: %j", (shape, kinds) => {
    for (const seed of [1, 2, 3]) expect(diagnose(input(timesOf(shape, { seed }))).findings.map(({ kind }) => kind)).toEqual(kinds);
  });

  it("finds nothing to gain where the bound in force already masks the delays", () => {
    expect(diagnose(input(timesOf("rotating"), { lagBound: 64, maxLagBound: 64 })).findings).toEqual([]);
  });

  it("names the bound that helps, and the ranks that are late now and then", () => {
    const [{ lagBound, ranks, remedy }] = diagnose(input(timesOf("rotating"))).findings;
    expect(lagBound).toBeGreaterThan(0);
    expect(ranks).toEqual([0, 1, 2, 3]);
    expect(remedy).toMatch(/^lagBound \d+, or "auto"$/);
  });

  it("offers the plan for the lookups that were counted where pooling is uneven", () => {
    const counted = [50, 1, 1, 1, 1, 1, 1, 1];
    const [{ kind, ranks, plan, lookupsPerSample, remedy }] = diagnose(input(pooling(3), { lookupsPerSample: counted })).findings;
    expect({ kind, ranks, lookupsPerSample }).toEqual({ kind: "persistent-overload", ranks: [1], lookupsPerSample: counted });
    expect(plan?.tables[0].shards.length).toBeGreaterThan(1);
    expect(plan?.imbalance.gatheredBytes).toBeLessThan(1.25);
    expect(remedy).toMatch(/open with these lookupsPerSample \(50, 1, /);
  });

  it("says that no plan helps where a stage is late", () => {
    const [{ evidence, remedy, plan }] = diagnose(input(timesOf("persistent"))).findings;
    expect(evidence).toMatch(/^rank 1 takes \d\.\d\d times as long as the others, in most steps/);
    expect(remedy).toMatch(/^no plan helps/);
    expect(plan).toBeUndefined();
  });

  it("names hot rows where a shard of a table that is cut by rows gets more than its share", () => {
    const plan = planTables([{ name: "words", numRows: 1000, dim: 4, sharding: "row" }], { ranks: RANKS });
    const cutByRows = [
      {
        table: 0,
        shardShares: [0.1, 0.7, 0.1, 0.1],
        hotRows: [
          { row: 260, share: 0.4 },
          { row: 3, share: 0.1 },
        ],
      },
    ];
    const [{ kind, table, hotRows, evidence }] = diagnose(input(pooling(4), { plan, cutByRows })).findings;
    expect({ kind, table, hotRows }).toEqual({ kind: "hot-rows", table: "words", hotRows: [{ row: 260, share: 0.4 }] });
    expect(evidence).toMatch(/rows 250 to 499 of table "words" get 70 % of that table's lookups, the 1 hottest of them 40 %/);
  });

  it("names the ranks that get no core", () => {
    const cores = [100, 300, 100, 500].map((waitForCoreMs) => ({ elapsedMs: 1500, coreMs: 700, waitForCoreMs }));
    const [{ kind, ranks, evidence, remedy }] = diagnose(input(timesOf("balanced"), { cores, parallelism: 2 })).findings;
    expect({ kind, ranks }).toEqual({ kind: "starved-machine", ranks: [1, 3] });
    expect(evidence).toMatch(/ranks 1, 3 waited for a core up to 42 %/);
    expect(remedy).toBe("open with 2 ranks, one a core");
  });

  it("does not call ranks starved that hardly want a core, nor by fewer looks than tell something", () => {
    for (const core of [
      { elapsedMs: 1000, coreMs: 40, waitForCoreMs: 60 },
      { elapsedMs: 150, coreMs: 70, waitForCoreMs: 70 },
    ])
      expect(diagnose(input(timesOf("balanced"), { cores: [core, core, core, core] })).findings).toEqual([]);
  });

  it("names what replicates the table with hot rows", () => {
    const plan = planTables([{ name: 'a "b"', numRows: 1000, dim: 4, sharding: "row" }], { ranks: RANKS });
    const cutByRows = [{ table: 0, shardShares: [0, 1, 0, 0], hotRows: [{ row: 260, share: 1 }] }];
    const [{ remedy }] = diagnose(input(pooling(4), { plan, cutByRows })).findings;
    expect(remedy).toMatch(/^replicate the table: engine\.replicate\(\["a \\"b\\""\]\)/);
  });

  it.each(SHAPES)("says no more than that there are too few steps: %s", (shape) => {
    const diagnosis = diagnose(input(timesOf(shape, { steps: 63 })));
    expect(diagnosis.findings).toEqual([]);
    expect(String(diagnosis)).toBe("too few steps: got 63, expected at least 64");
  });

  it("reads as text", () => {
    expect(String(diagnose(input(timesOf("balanced"))))).toBe("the last 512 steps: the ranks are balanced");
    expect(String(diagnose(input(timesOf("exponential"))))).toMatch(/^transient-delay: .*\n {2}remedy: /);
    expect(String(diagnose(input(timesOf("balanced", { ranks: 1 }))))).toMatch(/^one rank/);
  });
});
