import { type KernelExports, LAYOUT } from "../memory/abi.js";
import { STEP, UNIT } from "../memory/map.js";
import type { RankJobs } from "../memory/records.js";
import type { StepReader } from "./step-reader.js";

/** Whose part is pooled by whom, and where it goes. */
export interface PartOptions {
  /** Jobs of the rank that the part belongs to; the kernel is over its tables. */
  jobs: RankJobs;
  /** The rank that pools: its scratch, and its error records. */
  by: number;
  ranks: number;
  /** Whether rows go through the receivers' windows: before a stage, or partial sums. */
  throughWindows: boolean;
}

/**
 * Pools one rank's part of steps, all of it or units of it. Rows that need no more work go straight to their place in the results;
 * partial sums and a stage's features to the windows of the ranks that own the samples.
 */
export class PartPool {
  readonly #reader: StepReader;
  readonly #kernel: KernelExports;
  readonly #options: PartOptions;

  constructor(reader: StepReader, kernel: KernelExports, options: PartOptions) {
    this.#reader = reader;
    this.#kernel = kernel;
    this.#options = options;
  }

  /** The whole part. */
  pool(step: number): void {
    this.#pieces(step, 0, this.#reader.field(step, STEP.PIECE_COUNT));
  }

  /** What one unit record says. */
  poolUnit(step: number, unit: number): void {
    const reader = this.#reader;
    const first = reader.word(unit + UNIT.FIRST_PIECE);
    const pieces = reader.word(unit + UNIT.PIECE_COUNT);
    if (pieces > 0) {
      this.#pieces(step, first, pieces);
      return;
    }
    const jobs = { ptr: reader.word(unit + UNIT.JOBS_PTR), count: reader.word(unit + UNIT.JOB_COUNT) };
    const firstBag = reader.word(unit + UNIT.FIRST_BAG);
    const bags = reader.word(unit + UNIT.BAGS);
    if (this.#options.throughWindows) {
      const receiver = reader.word(unit + UNIT.RECEIVER);
      const slice = reader.cut(reader.piece(step, first), reader.field(step, STEP.SAMPLES), receiver);
      const windowRow = slice.windowRow + firstBag - slice.firstBag;
      this.#bags(step, first, { jobs, receiver, firstBag, bags, windowRow });
    } else this.#bags(step, first, { jobs, receiver: -1, firstBag, bags, windowRow: 0 });
  }

  /** Rows that the kernel has gathered since the last call. */
  takeGatheredRows(): number {
    return this.#kernel.takeGatheredRows();
  }

  #pieces(step: number, first: number, count: number): void {
    const reader = this.#reader;
    const { jobs, ranks, throughWindows } = this.#options;
    if (jobs.count === 0) return;
    const samples = reader.field(step, STEP.SAMPLES);
    for (let p = first; p < first + count; p += 1) {
      const piece = reader.piece(step, p);
      if (!throughWindows) {
        this.#bags(step, p, { jobs, receiver: -1, firstBag: 0, bags: reader.word(piece + LAYOUT.PIECE_BATCH_SIZE), windowRow: 0 });
        continue;
      }
      for (let receiver = 0; receiver < ranks; receiver += 1) {
        const slice = reader.cut(piece, samples, receiver);
        if (slice.bags > 0) this.#bags(step, p, { jobs, receiver, ...slice });
      }
    }
  }

  /** receiver: whose window takes the rows; negative: none. */
  #bags(
    step: number,
    p: number,
    part: { jobs: { ptr: number; count: number }; receiver: number; firstBag: number; bags: number; windowRow: number },
  ): void {
    const reader = this.#reader;
    const { by } = this.#options;
    const { jobs, receiver, firstBag, bags, windowRow } = part;
    const piece = reader.piece(step, p);
    const window = receiver < 0 ? 0 : reader.window(step, receiver);
    const [dest, stride] = reader.destination(piece, part, window);
    const scratch = reader.field(step, STEP.SCRATCH_PTR) + by * reader.field(step, STEP.SCRATCH_BYTES);
    const error = reader.field(step, STEP.ERRORS_PTR) + (by * reader.field(step, STEP.PIECE_COUNT) + p) * LAYOUT.ERROR_BYTES;
    this.#kernel.poolPiece(jobs.ptr, jobs.count, piece, firstBag, bags, dest, stride, window, windowRow, scratch, error);
  }
}
