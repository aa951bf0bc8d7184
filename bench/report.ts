import { readFileSync, writeFileSync } from "node:fs";
import type { Machine } from "./machine.js";
import { type Schema, schemaError } from "./schema.js";
import { ratios, type Summary, summarise } from "./statistics.js";
import { UsageError } from "./suite.js";
import { formatNumber } from "./text-table.js";

/** Raised whenever a field changes its meaning or goes; new fields alone do not raise it. */
const SCHEMA = { name: "lagbag-bench", version: 1 } as const;
/** Seen from build/bench. */
const SCHEMA_FILE = new URL("../../bench/report.schema.json", import.meta.url);

/** Plain facts about a group or a case: units stand in the names. */
export type Facts = Readonly<Record<string, number | string | readonly string[] | readonly number[]>>;

/** One contender, timed in every round. */
export interface CaseReport {
  name: string;
  unit: "rows/s" | "keys/s" | "steps/s" | "lookups/s" | "samples/s";
  /** One value a round, round by round. */
  rounds: readonly number[];
  summary: Summary;
  facts: Facts;
}

/** One case against another, round by round. */
export interface Comparison {
  of: string;
  to: string;
  /** What is compared; default: the rates. */
  what?: string;
  rounds: readonly number[];
  summary: Summary;
  /** Whether less is better, as of latencies. */
  lowerIsBetter?: true;
  /** The least that the project wants of the median, or the most where less is better. Stated, never asserted: a benchmark is no test. */
  goal?: number;
}

/** What the ranks did in the steps of one run, for a picture. */
export interface Timeline {
  /** Of the case. */
  name: string;
  /** [rank][step], milliseconds since the first of them began. */
  startsMs: number[][];
  endsMs: number[][];
}

/** Cases that were measured in the same rounds. */
export interface Group {
  name: string;
  description: string;
  facts: Facts;
  cases: CaseReport[];
  comparisons: Comparison[];
  timelines?: Timeline[];
}

/** What a run of a suite says. */
export interface Report {
  suite: string;
  machine: Machine;
  seed: number;
  quick: boolean;
  /** The suite's own options, as given or by default. */
  options: Readonly<Record<string, string>>;
  startedAt: string;
  groups: Group[];
}

export function caseReport(name: string, unit: CaseReport["unit"], rounds: readonly number[], facts: Facts = {}): CaseReport {
  return { name, unit, rounds, summary: summarise(rounds), facts };
}

/** Compares the rates of two cases, round by round. */
export function compare(of: CaseReport, to: CaseReport, goal?: number): Comparison {
  const rounds = ratios(of.rounds, to.rounds);
  return { of: of.name, to: to.name, rounds, summary: summarise(rounds), ...(goal === undefined ? {} : { goal }) };
}

/** "3.41 (3.28 - 3.55)": the median and all that occurred. */
export function formatSpread({ median, min, max }: Summary): string {
  return `${formatNumber(median)} (${formatNumber(min)} - ${formatNumber(max)})`;
}

/** Whether the median is what the project wants of it; undefined without a goal. */
export function reachesGoal({ summary: { median }, goal, lowerIsBetter }: Comparison): boolean | undefined {
  if (goal === undefined) return undefined;
  return lowerIsBetter ? median <= goal : median >= goal;
}

/** "engine, 2 ranks / simple loops: 12.4 (11.8 - 13.0), goal >= 12" */
export function formatComparison({ of, to, what, summary, goal, lowerIsBetter }: Comparison): string {
  const wanted = goal === undefined ? "" : `, goal ${lowerIsBetter ? "<=" : ">="} ${goal}`;
  return `${what === undefined ? "" : `${what}, `}${of} / ${to}: ${formatSpread(summary)}${wanted}`;
}

/** A report for machines; report.schema.json describes it. */
export function reportJson(report: Report): string {
  return `${JSON.stringify({ schema: SCHEMA.name, schemaVersion: SCHEMA.version, ...report }, undefined, 2)}\n`;
}

export function writeReport(file: string, report: Report): void {
  writeFileSync(file, reportJson(report));
}

/**
 * Reads a report that writeReport wrote, now or long ago.
 * @throws UsageError that names the file and what is wrong with it
 */
export function readReport(file: string): Report {
  let report: unknown;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { schema, schemaVersion } = (report ?? {}) as { schema?: unknown; schemaVersion?: unknown };
  if (schema !== SCHEMA.name || schemaVersion !== SCHEMA.version) {
    throw new UsageError(
      `${file}: got schema ${String(schema)}, version ${String(schemaVersion)}, expected ${SCHEMA.name}, version ${SCHEMA.version}`,
    );
  }
  const error = schemaError(reportSchema(), report);
  if (error !== undefined) throw new UsageError(`${file}: ${error}`);
  // Reports of before there were options have none.
  return { options: {}, ...(report as Omit<Report, "options">) };
}

/** bench/report.schema.json. */
export function reportSchema(): Schema {
  return JSON.parse(readFileSync(SCHEMA_FILE, "utf8")) as Schema;
}
