import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, platform, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Command, UsageError } from "../cli/command.js";
import { type LabResult, runLab } from "./lab.js";
import { labPage, shownSteps } from "./page.js";
import { printLab } from "./print.js";
import { SCENARIOS, type Scenario } from "./scenarios.js";
import { SLEEPS } from "./stage.js";
import { timelineFile } from "./timeline.js";
import { BASELINES, MOST_LAG_BOUND, readLagWays, remedyWays } from "./ways.js";
import { MESSAGES, type Messages } from "./workload.js";

/** --json's schema. */
const SCHEMA = { schema: "lagbag-lab", schemaVersion: 1 } as const;

/** Every option: its default, and what it is. */
const OPTIONS = {
  ranks: ["4", "ranks, 1 to 64; in most scenarios they sleep, so they need no cores"],
  lag: ["0,1,4,16,64,auto", "lag bounds, 0 to 1022, or auto; 0 is always run: the others are compared with it"],
  steps: ["2000", "steps of a run, 1 to 1,000,000"],
  rounds: ["1", "runs of each way that count, 1 to 1000"],
  "base-ms": ["1", "what every rank takes in every step, 0 to 1000"],
  "delay-ms": ["3", "the delay of a late rank, or its mean, 0 to 1000"],
  load: ["closed", "closed, or the fraction of the synchronous rate at which lookups arrive, 0.01 to 10"],
  messages: ["even", Object.keys(MESSAGES).join(", ")],
  sleep: ["block", "how ranks sleep: block their thread, or promise"],
  seed: ["20260101", "seed of all data, delays and arrivals, 0 to 2^31 - 1"],
} as const;

type Name = keyof typeof OPTIONS;

function help(): string {
  const line = (left: string, right: string): string => `  ${left.padEnd(26)}${right}`;
  return [
    "Usage: lagbag lab [scenario ...] [options]",
    "",
    "Ranks that are late, and what a bounded lag makes of it: rates, latencies, what the recorded delays allow, who waited for whom.",
    "",
    "Scenarios (default: all):",
    ...Object.entries(SCENARIOS).map(([name, what]) => line(name, what)),
    "",
    "Options:",
    ...Object.entries(OPTIONS).map(([name, [value, what]]) => line(`--${name} <${value}>`, what)),
    line("--baselines", "also synchronous with micro-batches, and with hedging"),
    line("--quick", "few steps: shows that all works, measures little"),
    line("--html <file>", "a page with pictures: timelines of the ranks"),
    line("--svg <folder>", "the timelines as files: <scenario>-<way>.svg"),
    line("--json <file>", "all figures"),
    "",
  ].join("\n");
}

function toNumber(name: Name, text: string, { least, most, whole = false }: { least: number; most: number; whole?: boolean }): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= least && value <= most) || (whole && !Number.isInteger(value)))
    throw new UsageError(`--${name}: got ${text}, expected a${whole ? " whole" : ""} number from ${least} to ${most}`);
  return value;
}

function refuseLag(part: string): UsageError {
  return new UsageError(`--lag: got ${part}, expected a whole number from 0 to ${MOST_LAG_BOUND}`);
}

function oneOf<T extends string>(what: string, given: string, names: Readonly<Record<T, string>>): T {
  if (!Object.hasOwn(names, given)) throw new UsageError(`${what}: got ${given}, expected one of ${Object.keys(names).join(", ")}`);
  return given as T;
}

function parse(args: readonly string[]) {
  try {
    const own = Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: "string" } as const]));
    const flags = { baselines: { type: "boolean" }, quick: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...own, ...flags, html: { type: "string" }, svg: { type: "string" }, json: { type: "string" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function describeMachine(): string {
  return `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${platform()} ${release()}, Node ${process.version}, V8 ${process.versions.v8}`;
}

/** `lagbag lab` */
export const labCommand: Command = {
  summary: "ranks that are late, and what a bounded lag makes of it: rates, latencies, timelines",
  async run(args): Promise<number> {
    const { values, positionals } = parse(args);
    if (values.help === true) {
      process.stdout.write(help());
      return 0;
    }
    const given = values as Record<string, string | boolean | undefined>;
    const text = (name: Name): string => String(given[name] ?? OPTIONS[name][0]);
    const quick = given.quick === true;
    const messages: Messages = oneOf("--messages", text("messages"), MESSAGES);
    if (given.baselines === true && messages !== "even")
      throw new UsageError(
        "--baselines: got messages that are not even, expected --messages even: micro-batches need batches of equal size",
      );
    const sleep = oneOf("--sleep", text("sleep"), SLEEPS);
    if (given.baselines === true && sleep !== "block")
      throw new UsageError(`--baselines: got --sleep ${sleep}, expected --sleep block: hedging ends the wait of a blocked thread`);
    const scenarios =
      positionals.length === 0
        ? (Object.keys(SCENARIOS) as Scenario[])
        : positionals.map((name): Scenario => oneOf("scenario", name, SCENARIOS));
    const common = {
      ranks: toNumber("ranks", text("ranks"), { least: 1, most: 64, whole: true }),
      steps: quick ? 100 : toNumber("steps", text("steps"), { least: 1, most: 1_000_000, whole: true }),
      rounds: quick ? 1 : toNumber("rounds", text("rounds"), { least: 1, most: 1000, whole: true }),
      baseMs: toNumber("base-ms", text("base-ms"), { least: 0, most: 1000 }),
      delayMs: toNumber("delay-ms", text("delay-ms"), { least: 0, most: 1000 }),
      load: text("load") === "closed" ? ("closed" as const) : toNumber("load", text("load"), { least: 0.01, most: 10 }),
      seed: toNumber("seed", text("seed"), { least: 0, most: 2 ** 31 - 1, whole: true }),
      ways: [...readLagWays(text("lag"), refuseLag), ...(given.baselines === true ? BASELINES : [])],
      messages,
      sleep,
    };
    const machine = describeMachine();
    process.stdout.write(`lagbag lab\n${machine}\n`);
    const results: LabResult[] = [];
    for (const scenario of scenarios) {
      const result = await runLab({ ...common, ways: [...common.ways, ...remedyWays(scenario)], scenario, onProgress: showProgress });
      showProgress("");
      results.push(result);
      process.stdout.write(`\n${printLab(result)}\n`);
    }
    if (typeof given.svg === "string") writeTimelines(given.svg, results);
    if (typeof given.html === "string") writeFileSync(given.html, labPage(results, machine));
    if (typeof given.json === "string")
      writeFileSync(given.json, `${JSON.stringify({ ...SCHEMA, machine, results: results.map(withoutTraces) }, undefined, 1)}\n`);
    return 0;
  },
};

function writeTimelines(folder: string, results: readonly LabResult[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { options, ways } of results) {
    for (const way of ways) {
      const name = `${options.scenario}-${way.name.replace(/[^a-z0-9]+/g, "-")}`;
      writeFileSync(join(folder, `${name}.svg`), timelineFile(shownSteps(way), `${options.scenario}, ${way.name}`));
    }
  }
}

/** What is under way, on one line of a terminal. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

/** Traces are pictures' data: a thousand times the rest. */
function withoutTraces({ options, ways, arrivalsPerSecond }: LabResult) {
  return { options, arrivalsPerSecond, ways: ways.map(({ runs, ...way }) => ({ ...way, runs: runs.map(({ traces: _, ...run }) => run) })) };
}
