/** npm run bench -- <suite> [options] [filter ...] */
import { describeSuite, readCommandLine } from "./command-line.js";
import { describeMachine, formatMachine } from "./machine.js";
import { writeReport } from "./report.js";
import { UsageError } from "./suite.js";
import { SUITES } from "./suites.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main([name = "--help", ...args]: readonly string[]): Promise<void> {
  const names = Object.keys(SUITES).join(", ");
  if (name === "--help" || name === "-h") {
    process.stdout.write(
      `Usage: npm run bench -- <suite> [options] [filter ...]\n\nSuites: ${names}; npm run bench -- <suite> --help says more\n`,
    );
    return;
  }
  if (!Object.hasOwn(SUITES, name)) throw new UsageError(`suite: got ${name}, expected one of ${names}`);
  const suite = await SUITES[name]();
  const { help, json, run } = readCommandLine(suite, args);
  if (help) {
    run.say(describeSuite(name, suite));
    return;
  }
  const machine = describeMachine();
  const startedAt = new Date().toISOString();
  run.say(`lagbag bench ${name}${run.quick ? " --quick" : ""}, seed ${run.seed}, ${startedAt}\n${formatMachine(machine)}`);
  const groups = await suite.run(run);
  if (json !== undefined) {
    writeReport(json, { suite: name, machine, seed: run.seed, quick: run.quick, startedAt, groups });
    run.say(`\nwrote ${json}`);
  }
}

// So that "exit" listeners run, which remove files and end servers.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => process.exit(code));

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${isUsage ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
}
