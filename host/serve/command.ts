import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { type Logger, pino } from "pino";
import { type Command, UsageError } from "../cli/command.js";
import { EmbeddingError } from "../errors.js";
import { openModels } from "../tables/open-models.js";
import { readServeConfig } from "./config/read.js";
import { makeSources } from "./config/sources.js";
import type { ServeOptions } from "./options.js";
import { type ServeHandle, serve } from "./server.js";

const EXIT_FORCED = 1;
const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

/** The flags that are numbers, and the options that they set. */
const COUNTS = {
  port: { option: "port", help: "REST port, default 8000; 0: any free one, as with the others" },
  "grpc-port": { option: "grpcPort", help: "gRPC port, default 8001" },
  "metrics-port": { option: "metricsPort", help: "Prometheus port, default 8002" },
  "timeout-ms": { option: "timeoutMs", help: "milliseconds that a request may take, default 30000" },
  "drain-timeout-ms": { option: "drainTimeoutMs", help: "milliseconds that running requests get on SIGTERM, default 30000" },
  "max-request-bytes": { option: "maxRequestBytes", help: "bytes of a request, inflated, default 67108864 (64 MiB)" },
  "max-json-bytes": { option: "maxJsonBytes", help: "bytes of JSON in a request, default 8388608 (8 MiB)" },
  "max-response-bytes": { option: "maxResponseBytes", help: "bytes of an answer's tensors, default 268435456 (256 MiB)" },
  "max-batch-size": { option: "maxBatchSize", help: "samples of a request, default 1048576" },
  "max-in-flight-bytes": { option: "maxInFlightBytes", help: "bytes of all bodies and answers under way, default 1073741824 (1 GiB)" },
} as const;

const TEXTS = {
  tables: "FILE or folder of tables (required)",
  config: "lagbag.json: features, ranks, row formats of models",
  host: "address to listen on, default 127.0.0.1; others need TLS and a token, or --insecure",
  "tls-cert": "PEM file; with --tls-key all ports speak TLS",
  "tls-key": "PEM file",
  "token-file": "file with the bearer token; else the environment's LAGBAG_TOKEN",
  "log-level": `${LEVELS.join(", ")}; default info`,
} as const;

/** npx lagbag serve. */
export const serveCommand: Command = {
  summary: "serve tables over REST and gRPC (Open Inference Protocol)",
  async run(args) {
    const flags = readFlags(args);
    if (flags.help) {
      process.stdout.write(usage());
      return 0;
    }
    const log = pino({ level: flags.logLevel }, pino.destination({ dest: 2, sync: true }));
    // What gRPC has to say of a port in use is said by the error.
    setLogVerbosity(logVerbosity.NONE);
    const handle = await start(flags, log);
    const over = drainOnSignal(handle, log);
    try {
      await handle.ready;
    } catch (error) {
      await handle.close({ timeoutMs: 0 });
      throw error;
    }
    process.stdout.write("ready\n");
    return over;
  },
};

async function start({ tables, config, options }: Flags, log: Logger): Promise<ServeHandle> {
  const file = config ?? "lagbag.json";
  const read = config === undefined ? { models: new Map() } : readServeConfig(readText("config", config), basename(file));
  const models = await openModels(tables);
  let handle: ServeHandle;
  try {
    const sources = makeSources(models, read, basename(file));
    handle = await serve({ ...options, models: sources, log });
  } catch (error) {
    await Promise.all(models.map((model) => model.close()));
    throw named(error);
  }
  process.stdout.write(`REST ${handle.restUrl}\ngRPC ${handle.grpcAddress}\nmetrics ${handle.metricsUrl}\n`);
  return handle;
}

/** Resolves to the exit code when a signal has come and all is closed. A second signal ends the process. */
function drainOnSignal(handle: ServeHandle, log: Logger): Promise<number> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const onSignal = (signal: string): void => {
      signals += 1;
      log.info({ signal }, signals === 1 ? "draining; a second signal ends at once" : "ended by a second signal");
      if (signals > 1) process.exit(EXIT_FORCED);
      handle.close().then(() => resolve(0), reject);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

interface Flags {
  help: boolean;
  tables: string;
  config: string | undefined;
  logLevel: string;
  options: Omit<ServeOptions, "models">;
}

/** @throws UsageError */
function readFlags(args: readonly string[]): Flags {
  const text = { type: "string" as const };
  const names = [...Object.keys(TEXTS), ...Object.keys(COUNTS)];
  let values: Record<string, unknown>;
  try {
    const flags = { help: { type: "boolean" as const, short: "h" }, insecure: { type: "boolean" as const } };
    values = parseArgs({ args: [...args], options: { ...flags, ...Object.fromEntries(names.map((name) => [name, text])) } }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; lagbag serve --help says more`);
  }
  const { help = false, insecure = false } = values as { help?: boolean; insecure?: boolean };
  const given = (name: keyof typeof TEXTS): string | undefined => values[name] as string | undefined;
  const tables = given("tables");
  if (tables === undefined && !help)
    throw new UsageError("--tables: got nothing, expected a file or folder of tables; lagbag serve --help says more");
  const logLevel = given("log-level") ?? "info";
  if (!LEVELS.includes(logLevel)) throw new UsageError(`--log-level: got ${logLevel}, expected one of ${LEVELS.join(", ")}`);
  const counts = Object.entries(COUNTS).flatMap(([name, { option }]) => {
    const value = values[name] as string | undefined;
    if (value === undefined) return [];
    if (!/^\d{1,15}$/.test(value)) throw new UsageError(`--${name}: got ${value}, expected a whole number from 0`);
    return [[option, Number(value)]];
  });
  const host = given("host");
  const options = { ...Object.fromEntries(counts), insecure, ...(host === undefined ? {} : { host }), ...(help ? {} : secrets(given)) };
  return { help, logLevel, options, tables: tables ?? "", config: given("config") };
}

/** Certificate and token. @throws UsageError, EmbeddingError */
function secrets(given: (name: keyof typeof TEXTS) => string | undefined): Pick<ServeOptions, "tls" | "token"> {
  const [cert, key, tokenFile] = [given("tls-cert"), given("tls-key"), given("token-file")];
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError(
      `--${cert === undefined ? "tls-cert" : "tls-key"}: got nothing, expected a PEM file: certificate and key go together`,
    );
  }
  const token = tokenFile === undefined ? process.env.LAGBAG_TOKEN : readText("token-file", tokenFile).trim();
  return {
    ...(cert === undefined || key === undefined
      ? {}
      : { tls: { cert: Buffer.from(readText("tls-cert", cert)), key: Buffer.from(readText("tls-key", key)) } }),
    ...(token === undefined ? {} : { token }),
  };
}

function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_OPTIONS", `--${flag}: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** An error of serve's that names an option, with the flag in its place. */
function named(error: unknown): unknown {
  if (!(error instanceof EmbeddingError) || error.code !== "EMBEDDING_OPTIONS") return error;
  const [flag] = Object.entries(COUNTS).find(([, { option }]) => error.message.startsWith(`${option}: `)) ?? [];
  const option = /^host: /.test(error.message) ? "host" : flag;
  if (option === undefined) return error;
  return new EmbeddingError(error.code, `--${option}${error.message.slice(error.message.indexOf(":"))}`, { cause: error });
}

function usage(): string {
  const line = (flag: string, help: string): string => `  ${flag.padEnd(28)}${help}`;
  return [
    "Usage: lagbag serve --tables FILE|FOLDER [options]",
    "",
    ...Object.entries(TEXTS).map(([name, help]) =>
      line(`--${name} ${name.endsWith("level") ? "LEVEL" : name === "host" ? "HOST" : "PATH"}`, help),
    ),
    ...Object.entries(COUNTS).map(([name, { help }]) => line(`--${name} N`, help)),
    line("--insecure", "allow an address that others reach without TLS and token"),
    "",
  ].join("\n");
}
