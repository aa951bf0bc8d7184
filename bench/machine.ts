import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** What figures depend on besides the code. */
export interface Machine {
  cpu: string;
  /** Cores that this process may use. */
  cores: number;
  memoryBytes: number;
  /** Undefined where the system does not tell. */
  lastLevelCacheBytes: number | undefined;
  /** Of the last minute, at the start: what others were doing on these cores. */
  loadAverage: number;
  os: string;
  node: string;
  v8: string;
  /** Of the working directory: the hash, with "+changes" if files differ from it; undefined outside a repository. */
  commit: string | undefined;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    lastLevelCacheBytes: lastLevelCacheBytes(),
    loadAverage: loadavg()[0],
    os: `${platform()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    commit: commit(),
  };
}

/** Two lines for people. */
export function formatMachine(machine: Machine): string {
  const { cpu, cores, memoryBytes, lastLevelCacheBytes: cache, loadAverage, os, node, v8, commit: hash } = machine;
  const cached = cache === undefined ? "last-level cache unknown" : `${(cache / 2 ** 20).toFixed(0)} MiB last-level cache`;
  return `${cpu}, ${cores} core${cores === 1 ? "" : "s"}, ${cached}, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB, ${os}
Node ${node}, V8 ${v8}, commit ${hash ?? "unknown"}, load average ${loadAverage.toFixed(2)} at the start`;
}

/** Of core 0, where Linux tells it, level by level. */
export function lastLevelCacheBytes(): number | undefined {
  let bytes: number | undefined;
  for (let index = 0; index < 8; index += 1) {
    try {
      const [, count, unit] = /^(\d+)([KM])/.exec(readFileSync(`/sys/devices/system/cpu/cpu0/cache/index${index}/size`, "utf8")) ?? [];
      if (count !== undefined) bytes = Math.max(bytes ?? 0, Number(count) * (unit === "M" ? 2 ** 20 : 2 ** 10));
    } catch {
      break; // no such cache: the one before was the last
    }
  }
  return bytes;
}

function commit(): string | undefined {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain") === "" ? "" : "+changes");
  } catch {
    return undefined; // no git, no repository, or no commit yet
  }
}
