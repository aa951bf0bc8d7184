import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The package's own folder: a script that runs there may import "lagbag". */
export const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve("lagbag/package.json"));

/** What a script did. */
export interface Run {
  stdout: string;
  stderr: string;
  /** undefined: it did not end in time. */
  exitCode: number | undefined;
  /** Every module that was imported or required, as a URL or path. */
  modules: string[];
}

/** Writes down what is resolved by `import`; what is required stands in require's cache at the end. */
const TRACE = (file: string): string => `
import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`
  import { appendFileSync } from "node:fs";
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    appendFileSync(${JSON.stringify(file)}, found.url + "\\\\n");
    return found;
  }\`));
process.on("exit", () => appendFileSync(${JSON.stringify(file)}, Object.keys(createRequire(import.meta.url).cache).join("\\n") + "\\n"));
`;

/** Runs an ES module in a process of its own, from the package's root, and tells which modules it loaded. */
export function runScript(source: string, { timeoutMs = 20_000 } = {}): Run {
  const dir = mkdtempSync(join(tmpdir(), "lagbag-script-"));
  try {
    const list = join(dir, "modules");
    const trace = join(dir, "trace.mjs");
    writeFileSync(list, "");
    writeFileSync(trace, TRACE(list));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--no-warnings", "--import", trace, "--input-type=module", "--eval", source],
      { cwd: PACKAGE_ROOT, encoding: "utf8", timeout: timeoutMs, killSignal: "SIGKILL" },
    );
    return { stdout, stderr, exitCode: status ?? undefined, modules: readFileSync(list, "utf8").split("\n").filter(Boolean) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
