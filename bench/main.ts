/** npm run bench -- <suite> [options] [filter ...] */
import { accessSync, constants } from "node:fs";
import { dirname, resolve } from "node:path";
import { describeSuite, OUTPUT_HELP, type Output, readCommandLine, readReportCommand } from "./command-line.js";
import { compareReports, countVerdicts } from "./compare/compare.js";
import { formatCompared } from "./compare/print.js";
import { writePage } from "./html/page.js";
import { describeMachine, formatMachine } from "./machine.js";
import { runPinned } from "./pin.js";
import { type Report, readReport, writeReport } from "./report.js";
import { UsageError } from "./suite.js";
import { SUITES } from "./suites.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_WORSE = 3;

const USAGE = `Usage: npm run bench -- <suite> [options] [filter ...]
       npm run bench -- report <file.json ...> [options]

Suites: ${Object.keys(SUITES).join(", ")}; npm run bench -- <suite> --help says more
report reads what suites wrote with --json, and makes one page of it or compares it:
${OUTPUT_HELP.map(([left, right]) => `  ${left.padEnd(24)}${right}`).join("\n")}
`;

/** Resolves with the exit code. */
async function main([name = "--help", ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    process.stdout.write(USAGE);
    return 0;
  }
  if (name === "report") {
    const { files, output } = readReportCommand(args);
    return finish(files.map(readReport), output);
  }
  if (!Object.hasOwn(SUITES, name)) throw new UsageError(`suite: got ${name}, expected one of ${Object.keys(SUITES).join(", ")}, report`);
  return runSuite(name, args);
}

async function runSuite(name: string, args: readonly string[]): Promise<number> {
  const suite = await SUITES[name]();
  const { help, output, cpus, run, options } = readCommandLine(suite, args);
  if (help) {
    run.say(describeSuite(name, suite));
    return 0;
  }
  // Before anything is measured: a report that cannot be read should not cost a run.
  if (output.compare !== undefined) readReport(output.compare);
  for (const file of [output.json, output.html]) if (file !== undefined) checkWritable(file);
  const pinned = cpus === undefined ? undefined : await runPinned(cpus);
  if (pinned !== undefined) return pinned;
  exitOnSignals();
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  const where = cpus === undefined ? "" : `, processors ${cpus}`;
  run.say(`lagbag bench ${name}${run.quick ? " --quick" : ""}, seed ${run.seed}${where}, ${startedAt}\n${formatMachine(machine)}`);
  const groups = await suite.run(run);
  const asked = { ...options, ...(cpus === undefined ? {} : { cpus }) };
  return finish([{ suite: name, machine, seed: run.seed, quick: run.quick, options: asked, startedAt, groups }], output);
}

/** So that "exit" listeners run, which remove files and end servers. */
function exitOnSignals(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

/** @throws UsageError when the file's folder is none that can be written to */
function checkWritable(file: string): void {
  const folder = dirname(resolve(file));
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Writes and compares reports as the command line asks for. */
function finish(reports: readonly Report[], { json, html, compare, failOnWorse }: Output): number {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  if (json !== undefined) {
    if (reports.length !== 1) throw new UsageError(`--json: got ${reports.length} reports, expected one`);
    writeReport(json, reports[0]);
    say(`\nwrote ${json}`);
  }
  let compared: { before: string; what: ReturnType<typeof compareReports> } | undefined;
  if (compare !== undefined) {
    const before = readReport(compare);
    const now = reports.find(({ suite }) => suite === before.suite);
    if (now === undefined) throw new UsageError(`--compare: ${compare} is of suite ${before.suite}, which is not among the reports`);
    compared = { before: compare, what: compareReports(before, now) };
    say(formatCompared(compared.what, compare));
  }
  if (html !== undefined) {
    writePage(html, reports, compared);
    say(`\nwrote ${html}`);
  }
  return failOnWorse && compared !== undefined && countVerdicts(compared.what).worse > 0 ? EXIT_WORSE : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${isUsage ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
}
