import type { Progress } from "./progress.js";
import type { Group } from "./report.js";

/** An option of a suite, given as --name value. */
export interface SuiteOption {
  default: string;
  /** One line for --help: what it sets, unit, limits. */
  help: string;
}

/** What a suite is run with. */
export interface SuiteRun {
  /** Fewer and shorter rounds on smaller data: shows that all works, measures little. */
  quick: boolean;
  seed: number;
  progress: Progress;
  /** Whether the group of this name was asked for. */
  wants(group: string): boolean;
  /** The option as it was given, or its default. */
  text(option: string): string;
  /**
   * The option as a number from `least` to `most`.
   * @throws UsageError
   */
  number(option: string, least: number, most: number): number;
  /** As number, whole ones only. */
  count(option: string, least: number, most: number): number;
  say(text: string): void;
}

/** A suite of benchmarks; suites.ts lists them. */
export interface Suite {
  /** One line for --help. */
  summary: string;
  options: Readonly<Record<string, SuiteOption>>;
  /** Names that a filter on the command line may pick, and what they are. */
  groups: Readonly<Record<string, string>>;
  /** Those that are run without a filter; default: all. */
  defaultGroups?: readonly string[];
  run(run: SuiteRun): Promise<Group[]>;
}

/** A wrong command line: its message is all that the user needs. */
export class UsageError extends Error {
  override name = "UsageError";
}
