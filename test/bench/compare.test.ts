import { describe, expect, it } from "@jest/globals";
import { compareReports, countVerdicts } from "#bench/compare/compare.js";
import { formatCompared } from "#bench/compare/print.js";
import { judge } from "#bench/compare/verdict.js";
import { seededRandom } from "#bench/random.js";
import type { Report } from "#bench/report.js";
import { summarise } from "#bench/statistics.js";
import { group, MACHINE, report } from "./reports.js";

/** `count` rounds about `level`, up to `spread` of it away. */
function rounds(level: number, { spread, seed, count = 11 }: { spread: number; seed: number; count?: number }): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => level * (1 + spread * (2 * random() - 1)));
}

const RATES = { higherIsBetter: true };

describe("judge", () => {
  it("calls a change that the spread cannot explain by its name", () => {
    const before = rounds(100, { spread: 0.05, seed: 1 });
    expect(judge(before, rounds(120, { spread: 0.05, seed: 2 }), RATES).verdict).toBe("better");
    expect(judge(before, rounds(80, { spread: 0.05, seed: 2 }), RATES).verdict).toBe("worse");
  });

  it("takes latencies the other way round", () => {
    const before = rounds(100, { spread: 0.05, seed: 1 });
    expect(judge(before, rounds(120, { spread: 0.05, seed: 2 }), { higherIsBetter: false }).verdict).toBe("worse");
  });

  it("finds the same change lost in a wider spread", () => {
    expect(judge(rounds(100, { spread: 0.6, seed: 1 }), rounds(110, { spread: 0.6, seed: 2 }), RATES).verdict).toBe("same");
  });

  it("calls a steady change of less than 2 % none", () => {
    expect(judge(rounds(100, { spread: 0.001, seed: 1 }), rounds(101, { spread: 0.001, seed: 2 }), RATES).verdict).toBe("same");
  });

  it("gives no verdict on fewer than 5 rounds", () => {
    expect(judge([1, 1, 1, 1], rounds(9, { spread: 0, seed: 1 }), RATES).verdict).toBe("unclear");
  });

  it("rarely calls equal runs different: in at most 3 of 100", () => {
    let wrong = 0;
    for (let seed = 0; seed < 100; seed += 1) {
      const one = judge(rounds(100, { spread: 0.2, seed: 2 * seed }), rounds(100, { spread: 0.2, seed: 2 * seed + 1 }), RATES);
      if (one.verdict !== "same") wrong += 1;
    }
    expect(wrong).toBeLessThanOrEqual(3);
  });

  it("is the same for the same rounds", () => {
    const a = rounds(10, { spread: 0.2, seed: 3 });
    const b = rounds(11, { spread: 0.2, seed: 4 });
    expect(judge(a, b, RATES)).toEqual(judge(a, b, RATES));
  });
});

describe("compareReports", () => {
  const old = report([group("w1", { ours: rounds(30, { spread: 0.02, seed: 1 }), theirs: rounds(40, { spread: 0.02, seed: 2 }) })]);
  const slower = { ours: rounds(20, { spread: 0.02, seed: 3 }), theirs: rounds(40, { spread: 0.02, seed: 4 }) };

  it("judges ratios first, then rates", () => {
    const { figures, differences } = compareReports(old, report([group("w1", slower)]));
    expect(figures.map(({ name, kind, verdict }) => [name, kind, verdict])).toEqual([
      ["ours / theirs", "ratio", "worse"],
      ["ours", "rate", "worse"],
      ["theirs", "rate", "same"],
    ]);
    expect(differences).toEqual([]);
  });

  it("compares ratios only when the machines differ, and says so", () => {
    const machine = { ...MACHINE, cpu: "Slide rule", node: "v24.0.0" };
    const compared = compareReports(old, report([group("w1", slower)], { machine }));
    expect(compared.figures.map(({ kind }) => kind)).toEqual(["ratio"]);
    expect(compared.differences).toEqual(["cpu: Abacus <9> before, Slide rule now", "node: v20.20.2 before, v24.0.0 now"]);
    expect(formatCompared(compared, "old.json")).toContain("only ratios within a run");
  });

  it("says which settings differ, and what only one run has", () => {
    const now = report([group("w2", slower)], { seed: 2, options: { rounds: "3", peers: "c" } });
    const { differences, missing, figures } = compareReports(old, now);
    expect(differences).toEqual(["seed: 1 before, 2 now", "--rounds: 11 before, 3 now", "--peers: none before, c now"]);
    expect(missing).toEqual(["w1 (only before)", "w2 (only now)"]);
    expect(figures).toEqual([]);
  });

  it("judges percentiles as latencies", () => {
    const facts = (level: number): Record<string, number[]> => ({ p50UsRounds: rounds(level, { spread: 0.01, seed: level }) });
    const same = { ours: rounds(30, { spread: 0.02, seed: 1 }) };
    const { figures } = compareReports(report([group("s", same, facts(5))]), report([group("s", same, facts(9))]));
    expect(figures.map(({ name, verdict }) => [name, verdict])).toEqual([
      ["ours", "same"],
      ["ours, p50", "worse"],
    ]);
  });

  it("judges ratios of latencies as such", () => {
    const withP99 = (level: number): Report => {
      const one = group("s", { ours: rounds(30, { spread: 0.02, seed: 1 }) });
      const values = rounds(level, { spread: 0.01, seed: 2 });
      return report([
        {
          ...one,
          comparisons: [{ of: "ours", to: "theirs", what: "p99", rounds: values, summary: summarise(values), lowerIsBetter: true }],
        },
      ]);
    };
    const [{ name, verdict }] = compareReports(withP99(0.5), withP99(0.4)).figures;
    expect([name, verdict]).toEqual(["p99, ours / theirs", "better"]);
  });

  it("counts verdicts, and prints every figure", () => {
    const compared = compareReports(old, report([group("w1", slower)]));
    expect(countVerdicts(compared)).toEqual({ better: 0, same: 1, worse: 2, unclear: 0 });
    const text = formatCompared(compared, "old.json");
    expect(text).toContain("against old.json: 0 better, 1 the same, 2 worse, 0 unclear");
    expect(text).toMatch(/w1: ours \/ theirs +ratio .* -3\d\.\d % \(-3\d\.\d to -\d+\.\d\) +worse/);
  });
});
