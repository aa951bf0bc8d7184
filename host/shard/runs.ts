import { LAYOUT } from "../memory/abi.js";
import { type MemoryMap, STEP } from "../memory/map.js";
import type { RankJobs } from "../memory/records.js";
import type { StepReader } from "./step-reader.js";

/** Jobs that lie one after the other and that a rank pools in a step. */
export interface JobRun {
  /** Rank whose tables memory has the rows. */
  owner: number;
  ptr: number;
  count: number;
  /** Whether rows go through the receivers' windows: before a stage, or partial sums. */
  throughWindows: boolean;
  /** The table is replicated: only bags of the pooling rank's own slice. */
  sliceOnly: boolean;
}

/** What JobRuns looks into. */
export interface JobRunsOptions {
  map: Pick<MemoryMap, "replicatedPtr" | "replicatedBytes" | "windows">;
  /** Of every rank. */
  jobs: readonly RankJobs[];
  stage: boolean;
}

/** Sets of replicated tables that are remembered: steps under way have one or two of them but right after several changes. */
const REMEMBERED = 4;

/**
 * Which rank pools what in a step:
 *
 *     jobs of a table        pooled by             for
 *     not replicated         the shard's owner     the whole batch
 *     replicated             every rank            its own slice
 *
 * The shards stay what they are, and so does the order in which their partial sums are added: the bits are the same either way.
 */
export class JobRuns {
  readonly #reader: StepReader;
  readonly #options: JobRunsOptions;
  /** By number of the set: runs of each rank. */
  readonly #known = new Map<number, (readonly JobRun[])[]>();

  constructor(reader: StepReader, options: JobRunsOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** What `rank` pools of a step. The same array for steps with the same set, but for sets that were forgotten. */
  of(step: number, rank: number): readonly JobRun[] {
    const number = this.#reader.field(step, STEP.REPLICATION);
    let known = this.#known.get(number);
    if (known === undefined) {
      for (const oldest of [...this.#known.keys()].slice(0, this.#known.size - REMEMBERED + 1)) this.#known.delete(oldest);
      known = [];
      this.#known.set(number, known);
    }
    known[rank] ??= this.#find(step, rank);
    return known[rank];
  }

  /** Its own runs first. */
  #find(step: number, rank: number): JobRun[] {
    const { jobs } = this.#options;
    const runs = this.#runs(step, rank, false);
    for (let n = 0; n < jobs.length; n += 1) runs.push(...this.#runs(step, (rank + n) % jobs.length, true));
    return runs;
  }

  /** Runs of an owner's jobs that are replicated, or that are not, as long as they get. */
  #runs(step: number, owner: number, replicated: boolean): JobRun[] {
    const { jobs, stage, map } = this.#options;
    const reader = this.#reader;
    const bitsPtr = map.replicatedPtr + (step & (map.windows - 1)) * map.replicatedBytes;
    const { ptr, count } = jobs[owner];
    const runs: JobRun[] = [];
    let run: JobRun | undefined;
    for (let j = 0; j < count; j += 1) {
      const job = ptr + j * LAYOUT.JOB_BYTES;
      const feature = reader.word(job + LAYOUT.JOB_FEATURE);
      const isReplicated = ((reader.word(bitsPtr + (feature >> 5) * 4) >>> (feature & 31)) & 1) === 1;
      if (isReplicated !== replicated) {
        run = undefined;
        continue;
      }
      if (run === undefined) {
        run = { owner, ptr: job, count: 0, throughWindows: stage, sliceOnly: replicated };
        runs.push(run);
      }
      run.count += 1;
      run.throughWindows ||= reader.word(job + LAYOUT.JOB_PARTIAL) !== 0;
    }
    return runs;
  }
}
