import { type ParseArgsConfig, parseArgs } from "node:util";
import { Progress } from "./progress.js";
import { type Suite, type SuiteRun, UsageError } from "./suite.js";

const DEFAULT_SEED = 20_260_101;

/** What is made of a report besides text on the terminal. */
export interface Output {
  /** Files to write. */
  json: string | undefined;
  html: string | undefined;
  /** An older report to compare with. */
  compare: string | undefined;
  failOnWorse: boolean;
}

/** Options of every suite. */
const OUTPUT_OPTIONS = {
  json: { type: "string" },
  html: { type: "string" },
  compare: { type: "string" },
  "fail-on-worse": { type: "boolean" },
} as const;

/** A command line that was understood. */
export interface CommandLine {
  help: boolean;
  /** Where else the report goes. */
  output: Output;
  /** Processors to run on, as taskset reads them. */
  cpus: string | undefined;
  run: SuiteRun;
  /** The suite's own options, as given or by default. */
  options: Record<string, string>;
}

/**
 * Reads what stands after the suite's name.
 * @throws UsageError
 */
export function readCommandLine(suite: Suite, args: readonly string[]): CommandLine {
  const { values, positionals } = parse(suite, args);
  const known = Object.keys(suite.groups);
  for (const filter of positionals) {
    if (!known.some((group) => group.includes(filter)))
      throw new UsageError(`filter: got ${filter}, expected a part of one of ${known.join(", ")}`);
  }
  const text = (option: string): string => String(values[option] ?? suite.options[option].default);
  return {
    help: values.help === true,
    output: outputOf(values),
    cpus: values.cpus as string | undefined,
    options: Object.fromEntries(Object.keys(suite.options).map((option) => [option, text(option)])),
    run: {
      quick: values.quick === true,
      seed: toNumber("seed", String(values.seed ?? DEFAULT_SEED), { least: 0, most: 2 ** 31 - 1, whole: true }),
      progress: new Progress(),
      wants: (group) =>
        positionals.length === 0 ? (suite.defaultGroups ?? known).includes(group) : positionals.some((filter) => group.includes(filter)),
      text,
      number: (option, least, most) => toNumber(option, text(option), { least, most }),
      count: (option, least, most) => toNumber(option, text(option), { least, most, whole: true }),
      say: (line) => process.stdout.write(`${line}\n`),
    },
  };
}

/** What --help prints about a suite. */
export function describeSuite(name: string, suite: Suite): string {
  const line = (left: string, right: string): string => `  ${left.padEnd(24)}${right}`;
  return [
    `Usage: npm run bench -- ${name} [options] [filter ...]`,
    "",
    suite.summary,
    "",
    `Filters are parts of these names${suite.defaultGroups === undefined ? "" : `; without one: ${suite.defaultGroups.join(", ")}`}:`,
    ...Object.entries(suite.groups).map(([group, what]) => line(group, what)),
    "",
    "Options:",
    ...Object.entries(suite.options).map(([option, { default: value, help }]) => line(`--${option} <${value}>`, help)),
    line("--seed <n>", `seed of all data, 0 to 2^31 - 1, default ${DEFAULT_SEED}`),
    line("--quick", "fewer and shorter rounds on smaller data: shows that all works, measures little"),
    line("--cpus <list>", "run on these processors only, by taskset: 0,2-3"),
    ...OUTPUT_HELP.map(([left, right]) => line(left, right)),
  ].join("\n");
}

/** The output options for --help. */
export const OUTPUT_HELP = [
  ["--json <file>", "also write the report there, as JSON (bench/report.schema.json)"],
  ["--html <file>", "also write the report there, as a page with charts"],
  ["--compare <file>", "say what is better or worse than in this older JSON report"],
  ["--fail-on-worse", "with --compare: exit code 3 if something is worse"],
] as const;

/** The command line of `report`: files to read, and what to make of them. */
export function readReportCommand(args: readonly string[]): { files: string[]; output: Output } {
  const { values, positionals } = parseArguments({ args: [...args], allowPositionals: true, options: OUTPUT_OPTIONS });
  if (positionals.length === 0) throw new UsageError("report: got no file, expected one or more JSON reports");
  return { files: positionals, output: outputOf(values) };
}

function outputOf(values: Values): Output {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const failOnWorse = values["fail-on-worse"] === true;
  if (failOnWorse && text("compare") === undefined) throw new UsageError("--fail-on-worse: got it alone, expected --compare with it");
  return { json: text("json"), html: text("html"), compare: text("compare"), failOnWorse };
}

type Values = Record<string, string | boolean | undefined>;

function parse(suite: Suite, args: readonly string[]): { values: Values; positionals: string[] } {
  const own = Object.fromEntries(Object.keys(suite.options).map((option) => [option, { type: "string" } as const]));
  return parseArguments({
    args: [...args],
    allowPositionals: true,
    options: {
      ...own,
      help: { type: "boolean", short: "h" },
      quick: { type: "boolean" },
      seed: { type: "string" },
      cpus: { type: "string" },
      ...OUTPUT_OPTIONS,
    },
  });
}

function parseArguments(config: ParseArgsConfig): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs(config);
    return { values: { ...values } as Values, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function toNumber(option: string, given: string, { least, most, whole = false }: { least: number; most: number; whole?: boolean }): number {
  const value = Number(given);
  const isGood = given.trim() !== "" && value >= least && value <= most && (!whole || Number.isInteger(value));
  if (!isGood) throw new UsageError(`--${option}: got ${given}, expected a${whole ? " whole" : ""} number from ${least} to ${most}`);
  return value;
}
