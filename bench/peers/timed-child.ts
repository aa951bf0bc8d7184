import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../engine/contenders.js";
import type { Facts } from "../report.js";
import type { Workload } from "../workloads/workload.js";
import type { Child } from "./child.js";

/** A child that speaks the contenders' two commands: "run SET SECONDS ..." and "values SET BATCH FILE". */
export interface TimedChild {
  name: string;
  child: Child;
  /** For the values that it writes. */
  folder: string;
}

/** Has a child look up a set in rotation for so long, by its own clock. */
export async function runChild({ child }: TimedChild, set: number, words: string): Promise<{ runs: number; seconds: number }> {
  const [passes, nanoseconds] = await child.ask(`run ${set} ${words}`, "ran");
  return { runs: Number(passes), seconds: Number(nanoseconds) / 1e9 };
}

/** A contender over set `set`, which is `workload`; a run is its whole rotation. */
export function childContender(
  timed: TimedChild,
  workload: Workload,
  how: { set: number; words: (minSeconds: number) => string; tolerance: number; facts: Facts },
): Contender {
  const { batches, rowsPerBatch } = workload;
  const { name, child, folder } = timed;
  const { set, words, tolerance, facts } = how;
  return {
    timed: {
      kind: "external",
      name,
      unitsPerRun: rowsPerBatch * batches.length,
      run: (minSeconds) => runChild(timed, set, words(minSeconds)),
    },
    lookup: async (some, read) => {
      const file = join(folder, "values");
      for (const batch of some) {
        await child.ask(`values ${set} ${batches.indexOf(batch)} ${file}`, "wrote");
        const bytes = readFileSync(file);
        rmSync(file);
        read(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)), batch);
      }
    },
    tolerance,
    facts,
  };
}
