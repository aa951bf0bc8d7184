import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Contender } from "../engine/contenders.js";
import type { Workload } from "../workloads/workload.js";
import { Child } from "./child.js";

/** Seen from build/bench/peers. */
const SOURCE = fileURLToPath(new URL("../../../bench/peers/c/lookup.c", import.meta.url));
const COMPILE_MS = 60_000;
/** Making rows takes a second or so for each GB. */
const ANSWER_MS = 120_000;
/** Rows between the one that is summed and the one that is prefetched: which is best depends on the machine and the shape. */
const DISTANCES = [4, 8, 16, 32, 64] as const;
const TUNE_SECONDS = 0.05;
const TUNE_ROUNDS = 3;

/**
 * Compiles the C program into a folder.
 * @throws (rejects) an Error that says why there is none: no compiler, a processor without AVX2
 */
export async function compileC(folder: string): Promise<string> {
  if (process.arch !== "x64") throw new Error(`the C program needs an x64 processor with AVX2, this is ${process.arch}`);
  if (process.platform === "linux" && !/\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"))) {
    throw new Error("the C program needs a processor with AVX2");
  }
  const program = join(folder, "lookup");
  try {
    await promisify(execFile)("gcc", ["-O3", "-mavx2", "-o", program, SOURCE], { timeout: COMPILE_MS });
  } catch (error) {
    throw new Error(`gcc -O3 -mavx2: ${error instanceof Error ? error.message.trim() : String(error)}`);
  }
  return program;
}

/** How a C contender is started. */
export interface CProgramOptions {
  name: string;
  /** What compileC made. */
  program: string;
  /** What writeDataFile wrote. */
  dataFile: string;
  folder: string;
  /** Rows on huge pages. */
  hugePages: boolean;
}

/** The C program over the rows of a data file. */
export class CProgram {
  readonly #options: CProgramOptions;
  readonly #child: Child;

  private constructor(options: CProgramOptions, child: Child) {
    this.#options = options;
    this.#child = child;
  }

  static async start(options: CProgramOptions): Promise<CProgram> {
    const { name, program, dataFile, hugePages } = options;
    const child = await Child.start({ name, command: program, args: [dataFile, ...(hugePages ? ["huge"] : [])], timeoutMs: ANSWER_MS });
    return new CProgram(options, child);
  }

  /** A contender over set `set` of the data file, which is `workload`; a run is its whole rotation. Looks for the best distance first. */
  async contender(workload: Workload, set: number): Promise<Contender> {
    const run = async (minSeconds: number, distance: number): Promise<{ runs: number; seconds: number }> => {
      const [passes, nanoseconds] = await this.#child.ask(`run ${set} ${minSeconds} ${distance}`, "ran");
      return { runs: Number(passes), seconds: Number(nanoseconds) / 1e9 };
    };
    const best = new Map<number, number>();
    for (let round = 0; round < TUNE_ROUNDS; round += 1) {
      for (const distance of DISTANCES) {
        const { runs, seconds } = await run(TUNE_SECONDS, distance);
        best.set(distance, Math.max(best.get(distance) ?? 0, runs / seconds));
      }
    }
    const [[distance]] = [...best].sort(([, a], [, b]) => b - a);
    const { name, folder } = this.#options;
    const { batches, rowsPerBatch } = workload;
    return {
      timed: {
        kind: "external",
        name,
        unitsPerRun: rowsPerBatch * batches.length,
        run: (minSeconds) => run(minSeconds, distance),
      },
      lookup: async (some, read) => {
        const file = join(folder, "values");
        for (const batch of some) {
          await this.#child.ask(`values ${set} ${batches.indexOf(batch)} ${file}`, "wrote");
          const bytes = readFileSync(file);
          rmSync(file);
          read(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)), batch);
        }
      },
      tolerance: 0,
      facts: { prefetchedRowsAhead: distance },
    };
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
