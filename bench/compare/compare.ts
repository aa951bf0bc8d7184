import type { CaseReport, Comparison, Group, Report } from "../report.js";
import { median } from "../statistics.js";
import { type Change, judge, type Verdict } from "./verdict.js";

/** One figure of two runs. */
export interface Compared extends Change {
  group: string;
  /** "engine, 2 ranks", or "engine, 2 ranks / engine, 1 rank". */
  name: string;
  kind: "rate" | "latency" | "ratio";
  before: number;
  after: number;
}

/** What a run has become against an older one. */
export interface ComparedReports {
  /** Whatever differs besides the code: what the figures cannot be blamed for. */
  differences: string[];
  /** Ratios first: what befalls a machine befalls both of their sides. */
  figures: Compared[];
  /** Rates and latencies are left out: the machines differ. */
  ratiosOnly: boolean;
  /** Names of cases, ratios, groups that only one of the runs has. */
  missing: string[];
}

/** Facts that are latencies, round by round, and what they are called. */
const LATENCIES = { p50UsRounds: "p50", p99UsRounds: "p99" } as const;

export function compareReports(before: Report, after: Report): ComparedReports {
  const machines = machineDifferences(before, after);
  const differences = [...machines, ...settingDifferences(before, after)];
  const ratiosOnly = machines.length > 0;
  const figures: Compared[] = [];
  const missing: string[] = [];
  for (const [name, old, now] of pairs(before.groups, after.groups, ({ name: group }) => group, missing)) {
    const within = (what: string): string => `${name}: ${what}`;
    const gone: string[] = [];
    for (const [ratio, a, b] of pairs(old.comparisons, now.comparisons, ratioName, gone)) {
      figures.push(figure({ group: name, name: ratio, kind: "ratio", lowerIsBetter: b.lowerIsBetter }, a.rounds, b.rounds));
    }
    for (const [one, a, b] of pairs(old.cases, now.cases, ({ name: own }) => own, gone)) {
      if (!ratiosOnly) figures.push(figure({ group: name, name: one, kind: "rate" }, a.rounds, b.rounds), ...latencies(name, a, b));
    }
    missing.push(...gone.map(within));
  }
  const order = { ratio: 0, rate: 1, latency: 2 };
  figures.sort((a, b) => order[a.kind] - order[b.kind]);
  return { differences, figures, ratiosOnly, missing };
}

export function countVerdicts({ figures }: ComparedReports): Record<Verdict, number> {
  const counts: Record<Verdict, number> = { better: 0, same: 0, worse: 0, unclear: 0 };
  for (const { verdict } of figures) counts[verdict] += 1;
  return counts;
}

function ratioName({ of, to, what }: Comparison): string {
  return `${what === undefined ? "" : `${what}, `}${of} / ${to}`;
}

function figure(
  { lowerIsBetter = false, ...which }: Pick<Compared, "group" | "name" | "kind"> & { lowerIsBetter?: boolean | undefined },
  before: readonly number[],
  after: readonly number[],
): Compared {
  const change = judge(before, after, { higherIsBetter: !lowerIsBetter });
  return { ...which, before: median(before), after: median(after), ...change };
}

function latencies(group: string, before: CaseReport, after: CaseReport): Compared[] {
  return Object.entries(LATENCIES).flatMap(([fact, what]) => {
    const old = before.facts[fact];
    const now = after.facts[fact];
    if (!isNumbers(old) || !isNumbers(now)) return [];
    return [figure({ group, name: `${before.name}, ${what}`, kind: "latency", lowerIsBetter: true }, old, now)];
  });
}

function isNumbers(fact: Group["facts"][string] | undefined): fact is readonly number[] {
  return Array.isArray(fact) && fact.length > 0 && fact.every((value) => typeof value === "number");
}

/** What both have, by name; names of what only one has go to `missing`. */
function pairs<T>(before: readonly T[], after: readonly T[], nameOf: (one: T) => string, missing: string[]): [string, T, T][] {
  const now = new Map(after.map((one) => [nameOf(one), one]));
  const old = new Map(before.map((one) => [nameOf(one), one]));
  for (const name of old.keys()) if (!now.has(name)) missing.push(`${name} (only before)`);
  for (const name of now.keys()) if (!old.has(name)) missing.push(`${name} (only now)`);
  return [...old].flatMap(([name, one]) => {
    const other = now.get(name);
    return other === undefined ? [] : [[name, one, other] as [string, T, T]];
  });
}

function machineDifferences(before: Report, after: Report): string[] {
  const facts = ["cpu", "cores", "memoryBytes", "lastLevelCacheBytes", "os", "node"] as const;
  return facts.flatMap((fact) => difference(fact, before.machine[fact], after.machine[fact]));
}

function settingDifferences(before: Report, after: Report): string[] {
  const names = new Set([...Object.keys(before.options), ...Object.keys(after.options)]);
  return [
    ...difference("suite", before.suite, after.suite),
    ...difference("seed", before.seed, after.seed),
    ...difference("quick", before.quick, after.quick),
    ...[...names].flatMap((name) => difference(`--${name}`, before.options[name], after.options[name])),
  ];
}

function difference(name: string, before: unknown, after: unknown): string[] {
  return before === after ? [] : [`${name}: ${String(before ?? "none")} before, ${String(after ?? "none")} now`];
}
