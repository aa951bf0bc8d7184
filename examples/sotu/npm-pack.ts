import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, readdirSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** A version of an npm package, pinned to its bytes. */
export interface PinnedPackage {
  name: string;
  version: string;
  /** Subresource integrity, as the registry's metadata give it: "sha512-" and base64. */
  integrity: string;
  archiveBytes: number;
}

/** The user stopped the download. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";

  constructor() {
    super("interrupted; nothing incomplete was kept");
  }
}

const STAGING_PREFIX = "incoming-";
/** A staging folder this old is what a killed run left behind. */
const STALE_STAGING_MS = 24 * 3600 * 1000;
const POLL_MS = 250;
/** A download that brings no byte for so long is given up. */
const STALL_MS = 60_000;
/** Fail soon without a network: npm's defaults retry for more than a minute. */
const NPM_FLAGS = [
  "--json",
  "--loglevel=silent",
  "--logs-max=0",
  "--ignore-scripts",
  "--no-update-notifier",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
];

/**
 * The path of the package's verified archive in the cache folder, fetched with the user's own npm (registry, proxy and
 * credentials are its business) if it is not there.
 */
export async function fetchPackage(
  pinned: PinnedPackage,
  cacheFolder: string,
  onProgress: (receivedBytes: number) => void,
): Promise<string> {
  const archive = join(cacheFolder, `${pinned.name.replace("@", "").replace("/", "-")}-${pinned.version}.tgz`);
  if (await isIntact(archive, pinned)) return archive;
  await mkdir(cacheFolder, { recursive: true });
  await removeStaleStaging(cacheFolder);
  const staging = await mkdtemp(join(cacheFolder, STAGING_PREFIX));
  try {
    const packed = await npmPack(pinned, staging, onProgress);
    if (!(await isIntact(packed, pinned))) throw new Error(`${pinned.name} ${pinned.version} arrived damaged`);
    await rename(packed, archive); // the archive appears whole, or not at all
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 });
  }
  return archive;
}

async function isIntact(archive: string, pinned: PinnedPackage): Promise<boolean> {
  const size = await stat(archive).then(
    (found) => found.size,
    () => -1,
  );
  if (size !== pinned.archiveBytes) return false;
  const hash = createHash("sha512");
  await pipeline(createReadStream(archive), hash);
  return `sha512-${hash.digest("base64")}` === pinned.integrity;
}

async function removeStaleStaging(cacheFolder: string): Promise<void> {
  for (const entry of await readdir(cacheFolder)) {
    const path = join(cacheFolder, entry);
    if (!entry.startsWith(STAGING_PREFIX) || Date.now() - (await stat(path)).mtimeMs < STALE_STAGING_MS) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * Downloads the archive into `staging`. npm shows no progress for a pack, so it gets an empty cache of its own in
 * there: the bytes that this cache grows by are the download. Ctrl-C stops npm and rejects with an InterruptedError.
 */
async function npmPack(pinned: PinnedPackage, staging: string, onProgress: (bytes: number) => void): Promise<string> {
  const npmCache = join(staging, "npm-cache");
  const output = join(staging, "output");
  await mkdir(npmCache);
  await mkdir(output);
  const stop = new AbortController();
  const interrupt = () => stop.abort(new InterruptedError());
  let seenBytes = 0;
  let lastGrowthMs = performance.now();
  const poll = setInterval(() => {
    const bytes = folderBytes(npmCache);
    if (bytes > seenBytes) lastGrowthMs = performance.now();
    else if (performance.now() - lastGrowthMs > STALL_MS) stop.abort(new Error(`no byte came for ${STALL_MS / 1000} s`));
    seenBytes = bytes;
    onProgress(Math.min(bytes, pinned.archiveBytes));
  }, POLL_MS);
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const flags = [...NPM_FLAGS, `--cache=${npmCache}`, `--pack-destination=${output}`];
    await runNpm(["pack", `${pinned.name}@${pinned.version}`, ...flags], stop.signal);
  } finally {
    clearInterval(poll);
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
  const [archive] = await readdir(output);
  if (archive === undefined) throw new Error(`npm packed nothing for ${pinned.name}`);
  return join(output, archive);
}

/** Runs npm to its end. Rejects with npm's own summary if it fails, with the signal's reason if that stopped it. */
function runNpm(args: string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Under `npm start` npm names its own script, which runs on any system; else the one on the PATH is taken.
    const script = process.env.npm_execpath ?? "";
    const isNpm = basename(script) === "npm-cli.js";
    const child = spawn(isNpm ? process.execPath : "npm", isNpm ? [script, ...args] : args, { signal });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    let failure: Error | undefined;
    child.on("error", (error) => {
      failure = error;
    });
    // Not "exit": only now is the child gone for good, and its files with it may be removed.
    child.on("close", (code) => {
      if (signal.aborted) reject(signal.reason);
      else if (failure !== undefined) reject(new Error(`npm did not start (${failure.message})`));
      else if (code !== 0) reject(new Error(`npm ${args[0]} ${args[1]}: ${npmSummary(output) ?? `exit code ${code}`}`));
      else resolve();
    });
  });
}

/** The first line of the summary in npm's JSON report of an error. */
function npmSummary(output: string): string | undefined {
  return /"summary": "(?<summary>(?:[^"\\]|\\[^n])*)/.exec(output)?.groups?.summary;
}

/** Not async: the folder holds a handful of files, and no answer comes after the download's end. */
function folderBytes(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
  } catch {
    return 0; // npm moved a file or folder between the listing and the look at it; there is a next time
  }
}
