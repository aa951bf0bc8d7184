import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve("lagbag/package.json"));
const MOST_MS = 30_000;

/** What `lagbag` did. */
export interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the command as a user does. */
export function lagbag(...args: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(PACKAGE_ROOT, "dist", "cli", "main.js"), ...args], {
    encoding: "utf8",
    timeout: MOST_MS,
  });
  return { code: status, out: stdout, err: stderr };
}
