import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Child } from "./child.js";
import { type Peer, type PeerContext, Unavailable } from "./peer.js";
import { childContender, runChild } from "./timed-child.js";

/** Seen from build/bench/peers. */
const SOURCE = fileURLToPath(new URL("../../../bench/peers/c/lookup.c", import.meta.url));
const COMPILE_MS = 60_000;
/** Making rows takes a second or so for each GB. */
const ANSWER_MS = 120_000;
/** Rows between the one that is summed and the one that is prefetched: which is best depends on the machine and the shape. */
const DISTANCES = [4, 8, 16, 32, 64] as const;
const TUNE_SECONDS = 0.05;
const TUNE_ROUNDS = 3;

/** The C program over its own copy of the rows, on 4 KiB pages as V8's memories are, or on huge ones. Looks for the best distance first. */
export async function startC({ folder, dataFile }: PeerContext, name: string, { hugePages }: { hugePages: boolean }): Promise<Peer> {
  const program = join(folder, hugePages ? "lookup-huge" : "lookup");
  await compile(program);
  const child = await Child.start({ name, command: program, args: [dataFile, ...(hugePages ? ["huge"] : [])], timeoutMs: ANSWER_MS });
  const timed = { name, child, folder };
  return {
    contender: async (workload, set) => {
      const best = new Map<number, number>();
      for (let round = 0; round < TUNE_ROUNDS; round += 1) {
        for (const distance of DISTANCES) {
          const { runs, seconds } = await runChild(timed, set, `${TUNE_SECONDS} ${distance}`);
          best.set(distance, Math.max(best.get(distance) ?? 0, runs / seconds));
        }
      }
      const [[distance]] = [...best].sort(([, a], [, b]) => b - a);
      const words = (minSeconds: number): string => `${minSeconds} ${distance}`;
      return childContender(timed, workload, { set, words, tolerance: 0, facts: { prefetchedRowsAhead: distance, threads: 1 } });
    },
    close: () => child.close(),
  };
}

async function compile(program: string): Promise<void> {
  if (process.arch !== "x64") throw new Unavailable(`it needs an x64 processor with AVX2, this is ${process.arch}`);
  if (process.platform === "linux" && !/\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"))) {
    throw new Unavailable("it needs a processor with AVX2");
  }
  try {
    await promisify(execFile)("gcc", ["-O3", "-mavx2", "-o", program, SOURCE], { timeout: COMPILE_MS });
  } catch (error) {
    throw new Unavailable(`gcc -O3 -mavx2: ${error instanceof Error ? error.message.trim() : String(error)}`);
  }
}
