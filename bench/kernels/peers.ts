import { join } from "node:path";
import type { Contender } from "../engine/contenders.js";
import { CProgram, compileC } from "../peers/c-program.js";
import { writeDataFile } from "../peers/data-file.js";
import type { SuiteRun } from "../suite.js";
import type { Workload } from "../workloads/workload.js";

export const C = "C, AVX2 and prefetch";
export const C_HUGE = "C, AVX2 and prefetch, huge pages";

/** Contenders besides lagbag and plain TypeScript on one group's workloads. */
export interface KernelPeers {
  /** `set`: which of the workloads that they were started with. */
  contenders(workload: Workload, set: number): Promise<Contender[]>;
  close(): Promise<void>;
}

/** What peers there may be on one thread, and what each of them is. */
export const KERNEL_PEERS = {
  c: "a C program with AVX2 and prefetch, compiled by gcc -O3: the ceiling",
  "c-huge": "the same with its rows on huge pages",
} as const;

export type KernelPeer = keyof typeof KERNEL_PEERS;

/** Prepares what peers need once. One that cannot be had is left out, with a line that says why. */
export async function prepareKernelPeers(
  run: SuiteRun,
  names: readonly KernelPeer[],
  folder: string,
): Promise<(workloads: readonly Workload[]) => Promise<KernelPeers>> {
  let program: string | undefined;
  if (names.includes("c") || names.includes("c-huge")) {
    try {
      program = await compileC(folder);
    } catch (error) {
      run.say(`left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  let started = 0;
  return async (workloads) => {
    const programs: CProgram[] = [];
    const close = async (): Promise<void> => {
      await Promise.all(programs.map((one) => one.close()));
    };
    if (program !== undefined) {
      const dataFile = join(folder, `data-${started}`);
      started += 1;
      writeDataFile(dataFile, workloads);
      try {
        if (names.includes("c")) programs.push(await CProgram.start({ name: C, program, dataFile, folder, hugePages: false }));
        if (names.includes("c-huge")) programs.push(await CProgram.start({ name: C_HUGE, program, dataFile, folder, hugePages: true }));
      } catch (error) {
        await close();
        throw error;
      }
    }
    return {
      contenders: async (workload, set) => {
        const contenders: Contender[] = [];
        for (const one of programs) contenders.push(await one.contender(workload, set));
        return contenders;
      },
      close,
    };
  };
}
