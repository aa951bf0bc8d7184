#!/usr/bin/env node
/** npx lagbag <command> [arguments] */
import { EmbeddingError } from "../errors.js";
import { UsageError } from "./command.js";
import { COMMANDS } from "./commands.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main([name = "--help", ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(await usage());
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`command: got ${name}, expected one of ${Object.keys(COMMANDS).join(", ")}`);
  return (await COMMANDS[name]()).run(args);
}

async function usage(): Promise<string> {
  const lines = await Promise.all(Object.entries(COMMANDS).map(async ([name, load]) => `  ${name.padEnd(12)}${(await load()).summary}`));
  return ["Usage: lagbag <command> [arguments]", "", ...lines, "", "lagbag <command> --help says more.", ""].join("\n");
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    // What a user can act on is one line; anything else is a bug of ours, and its stack helps to find it.
    const isExpected = isUsage || error instanceof EmbeddingError;
    const text = isExpected ? `lagbag: ${error.message}` : `lagbag: ${error instanceof Error ? error.stack : String(error)}`;
    process.stderr.write(`${text}\n`);
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED;
  },
);
