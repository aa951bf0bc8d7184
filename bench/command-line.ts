import { parseArgs } from "node:util";
import { Progress } from "./progress.js";
import { type Suite, type SuiteRun, UsageError } from "./suite.js";

const DEFAULT_SEED = 20_260_101;

/** A command line that was understood. */
export interface CommandLine {
  help: boolean;
  /** File for the report. */
  json: string | undefined;
  run: SuiteRun;
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
    json: values.json as string | undefined,
    run: {
      quick: values.quick === true,
      seed: toNumber("seed", String(values.seed ?? DEFAULT_SEED), { least: 0, most: 2 ** 31 - 1, whole: true }),
      progress: new Progress(),
      wants: (group) => positionals.length === 0 || positionals.some((filter) => group.includes(filter)),
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
    "Filters are parts of these names:",
    ...Object.entries(suite.groups).map(([group, what]) => line(group, what)),
    "",
    "Options:",
    ...Object.entries(suite.options).map(([option, { default: value, help }]) => line(`--${option} <${value}>`, help)),
    line("--seed <n>", `seed of all data, 0 to 2^31 - 1, default ${DEFAULT_SEED}`),
    line("--quick", "fewer and shorter rounds on smaller data: shows that all works, measures little"),
    line("--json <file>", "also write the report there, as JSON"),
  ].join("\n");
}

type Values = Record<string, string | boolean | undefined>;

function parse(suite: Suite, args: readonly string[]): { values: Values; positionals: string[] } {
  const own = Object.fromEntries(Object.keys(suite.options).map((option) => [option, { type: "string" } as const]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...own,
        help: { type: "boolean", short: "h" },
        quick: { type: "boolean" },
        json: { type: "string" },
        seed: { type: "string" },
      },
    });
    return { values: { ...values }, positionals };
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
