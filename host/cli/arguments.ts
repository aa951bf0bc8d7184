import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./command.js";

/** An option of a command, for its help and its parsing. */
export interface CliOption {
  type: "string" | "boolean";
  multiple?: boolean;
  /** What stands behind the name in the help: "N", "FILE". */
  value?: string;
  help: string;
}

/** A command line that was read. */
export interface CliArguments {
  positionals: string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): string[];
  /** @throws UsageError when it is given and no whole number from `least` to `most` */
  count(name: string, least: number, most: number): number | undefined;
  /** @throws UsageError when it is given and none of `choices` */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined;
}

/**
 * Reads what stands behind a command's name. Each of `positionals` must be there.
 * @throws UsageError
 */
export function readArguments(
  args: readonly string[],
  options: Readonly<Record<string, CliOption>>,
  positionals: readonly string[],
): CliArguments {
  const config = Object.fromEntries(Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]));
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], allowPositionals: true, options: config as NonNullable<ParseArgsConfig["options"]> });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values } = parsed;
  const given = parsed.positionals;
  if (given.length !== positionals.length) {
    throw new UsageError(`arguments: got ${given.length === 0 ? "none" : given.join(" ")}, expected ${positionals.join(" ")}`);
  }
  const text = (name: string): string | undefined => (typeof values[name] === "string" ? values[name] : undefined);
  return {
    positionals: given,
    flag: (name) => values[name] === true,
    text,
    list: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
    count: (name, least, most) => {
      const value = text(name);
      if (value === undefined) return undefined;
      const number = Number(value);
      if (value.trim() !== "" && Number.isInteger(number) && number >= least && number <= most) return number;
      throw new UsageError(`--${name}: got ${value}, expected a whole number from ${least} to ${most}`);
    },
    choice: (name, choices) => {
      const value = text(name);
      const found = choices.find((choice) => choice === value);
      if (value !== undefined && found === undefined) throw new UsageError(`--${name}: got ${value}, expected ${choices.join(", ")}`);
      return found;
    },
  };
}

/** Whether --help or -h is among the arguments. */
export function wantsHelp(args: readonly string[]): boolean {
  return args.includes("--help") || args.includes("-h");
}

/** The help of a command. */
export function describeCommand(usage: string, summary: string, options: Readonly<Record<string, CliOption>>): string {
  const lines = Object.entries(options).map(
    ([name, { value, help }]) => `  ${`--${name}${value === undefined ? "" : ` ${value}`}`.padEnd(20)}${help}`,
  );
  return [`Usage: lagbag ${usage}`, "", summary, "", "Options:", ...lines, ""].join("\n");
}
