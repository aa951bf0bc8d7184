import { execFileSync, spawn } from "node:child_process";
import { UsageError } from "./suite.js";

/** Set in the process that runs on the processors that were asked for. */
const PINNED = "LAGBAG_BENCH_CPUS";

/**
 * Runs this very command again on some processors only, by taskset, so that all threads and child processes are there, too. Resolves with the exit
 * code, or with undefined in the process that runs there already.
 * @throws (rejects) UsageError where there is no taskset, or no such processor
 */
export async function runPinned(cpus: string): Promise<number | undefined> {
  if (process.env[PINNED] === cpus) return undefined;
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(cpus)) throw new UsageError(`--cpus: got ${cpus}, expected processors such as 0,2-3`);
  try {
    execFileSync("taskset", ["-c", cpus, process.execPath, "--version"], { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === "ENOENT") throw new UsageError("--cpus: it needs taskset (util-linux, Linux only), and there is none; run without it");
    throw new UsageError(`--cpus: got ${cpus}: ${stderr?.trim() || String(error)}`);
  }
  const args = ["-c", cpus, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn("taskset", args, { stdio: "inherit", env: { ...process.env, [PINNED]: cpus } });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
    });
  } finally {
    for (const signal of signals) process.removeListener(signal, forward);
  }
}
