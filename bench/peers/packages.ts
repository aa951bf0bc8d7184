import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Packages that peers need, by exact version. They are no dependencies of lagbag's: installed when a peer is asked for, in a cache folder. */
const VERSIONS = {
  "onnxruntime-node": "1.30.0",
  "onnxruntime-web": "1.30.0",
  "@tensorflow/tfjs": "4.22.0",
  "@tensorflow/tfjs-backend-wasm": "4.22.0",
  lmdb: "3.4.4",
  ioredis: "6.0.0",
} as const;

export type PackageName = keyof typeof VERSIONS;

const INSTALL_MS = 300_000;

/** What has been installed. */
export interface Installed {
  /** Loads a package of it. */
  require: NodeJS.Require;
  folder: string;
  /** "onnxruntime-node 1.30.0" */
  versions: string;
}

/**
 * Installs packages at their pinned versions, without their install scripts, unless an earlier run has: one folder for each combination under
 * the user's cache folder.
 * @param say is told before something is installed
 * @throws (rejects) an Error with npm's last words: no network, for instance
 */
export async function installPackages(names: readonly PackageName[], say: (line: string) => void): Promise<Installed> {
  const wanted = names.map((name) => `${name}@${VERSIONS[name]}`);
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lagbag-bench");
  const folder = join(cache, wanted.join("+").replaceAll("/", "-"));
  if (!names.every((name) => isInstalled(folder, name))) {
    say(`installing ${wanted.join(", ")} into ${folder}`);
    mkdirSync(cache, { recursive: true });
    // Beside its place and then renamed: what stands there is complete, also when two runs install at the same time.
    const fresh = mkdtempSync(join(cache, "installing-"));
    try {
      writeFileSync(join(fresh, "package.json"), '{ "private": true }\n');
      await npmInstall(fresh, wanted);
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return {
    require: createRequire(join(folder, "package.json")),
    folder,
    versions: names.map((name) => `${name} ${VERSIONS[name]}`).join(", "),
  };
}

function isInstalled(folder: string, name: PackageName): boolean {
  const file = join(folder, "node_modules", name, "package.json");
  return existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { version?: string }).version === VERSIONS[name];
}

async function npmInstall(folder: string, wanted: readonly string[]): Promise<void> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const options = ["--save-exact", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0", "--loglevel=error"];
  try {
    await promisify(execFile)(npm, ["install", ...options, ...wanted], { cwd: folder, timeout: INSTALL_MS });
  } catch (error) {
    const { stderr, message: text } = error as { stderr?: string; message: string };
    const words = (stderr || text).split("\n").find((line) => line.startsWith("npm error") && !line.includes(" code ")) ?? text;
    throw new Error(`npm install ${wanted.join(" ")}: ${words.trim().slice(0, 300)}`);
  }
}
