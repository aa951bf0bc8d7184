import { type CaseReport, caseReport, compare, type Group, type Report } from "#bench/report.js";

/** A made-up machine. */
export const MACHINE: Report["machine"] = {
  cpu: "Abacus <9>",
  cores: 2,
  memoryBytes: 2 ** 33,
  lastLevelCacheBytes: 2 ** 25,
  loadAverage: 0.5,
  os: "linux 6",
  node: "v20.20.2",
  v8: "11.3",
  commit: "abcdef",
};

/** Cases by their rounds, the first compared with the others. */
export function group(name: string, cases: Readonly<Record<string, readonly number[]>>, facts: CaseReport["facts"] = {}): Group {
  const reports = Object.entries(cases).map(([title, rounds]) => caseReport(title, "rows/s", rounds, facts));
  const [first, ...others] = reports;
  return {
    name,
    description: `${name} & co`,
    facts: { batches: 3 },
    cases: reports,
    comparisons: others.map((one) => compare(first, one)),
  };
}

export function report(groups: Group[], changes: Partial<Report> = {}): Report {
  return {
    suite: "kernels",
    machine: MACHINE,
    seed: 1,
    quick: false,
    options: { rounds: "11" },
    startedAt: "2026-01-01T00:00:00.000Z",
    groups,
    ...changes,
  };
}
