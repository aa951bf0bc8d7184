import { type KernelExports, LAYOUT } from "../memory/abi.js";
import { NO_RECEIVER, STEP, UNIT } from "../memory/map.js";
import type { JobRun } from "./runs.js";
import type { StepReader } from "./step-reader.js";

/** Pieces of a step, and the rank whose part they are pooled as. */
export interface PieceRange {
  first: number;
  count: number;
  rank: number;
}

/**
 * Pools jobs over the tables of one rank. Rows that need no more work go straight to their place in the results; partial sums and a stage's
 * features to the windows of the ranks that own the samples.
 */
export class PartPool {
  readonly #reader: StepReader;
  readonly #kernel: KernelExports;
  readonly #by: number;
  readonly #ranks: number;

  /** kernel: over the tables. by: the rank whose thread this is: its scratch, and its error records. */
  constructor(reader: StepReader, kernel: KernelExports, { by, ranks }: { by: number; ranks: number }) {
    this.#reader = reader;
    this.#kernel = kernel;
    this.#by = by;
    this.#ranks = ranks;
  }

  /** A run's jobs, for the pieces. */
  pool(step: number, run: JobRun, { first, count, rank }: PieceRange): void {
    const reader = this.#reader;
    const samples = reader.field(step, STEP.SAMPLES);
    for (let p = first; p < first + count; p += 1) {
      const piece = reader.piece(step, p);
      if (!run.throughWindows && !run.sliceOnly) {
        const bags = reader.word(piece + LAYOUT.PIECE_BATCH_SIZE);
        this.#bags(step, p, { jobs: run, receiver: NO_RECEIVER, firstBag: 0, bags, windowRow: 0 });
        continue;
      }
      const [from, to] = run.sliceOnly ? [rank, rank + 1] : [0, this.#ranks];
      for (let receiver = from; receiver < to; receiver += 1) {
        const slice = reader.cut(piece, samples, receiver);
        if (slice.bags > 0) this.#bags(step, p, { jobs: run, receiver: run.throughWindows ? receiver : NO_RECEIVER, ...slice });
      }
    }
  }

  /** Bags of one piece, as a unit's record says. */
  poolUnit(step: number, unit: number): void {
    const reader = this.#reader;
    const p = reader.word(unit + UNIT.FIRST_PIECE);
    const jobs = { ptr: reader.word(unit + UNIT.JOBS_PTR), count: reader.word(unit + UNIT.JOB_COUNT) };
    const firstBag = reader.word(unit + UNIT.FIRST_BAG);
    const bags = reader.word(unit + UNIT.BAGS);
    const receiver = reader.word(unit + UNIT.RECEIVER);
    let windowRow = 0;
    if (receiver !== NO_RECEIVER) {
      const slice = reader.cut(reader.piece(step, p), reader.field(step, STEP.SAMPLES), receiver);
      windowRow = slice.windowRow + firstBag - slice.firstBag;
    }
    this.#bags(step, p, { jobs, receiver, firstBag, bags, windowRow });
  }

  /** Rows that the kernel has gathered since the last call. */
  takeGatheredRows(): number {
    return this.#kernel.takeGatheredRows();
  }

  /** receiver: whose window takes the rows; NO_RECEIVER: none. */
  #bags(
    step: number,
    p: number,
    part: { jobs: { ptr: number; count: number }; receiver: number; firstBag: number; bags: number; windowRow: number },
  ): void {
    const reader = this.#reader;
    const by = this.#by;
    const { jobs, receiver, firstBag, bags, windowRow } = part;
    const piece = reader.piece(step, p);
    const window = receiver === NO_RECEIVER ? 0 : reader.window(step, receiver);
    const [dest, stride] = reader.destination(piece, part, window);
    const scratch = reader.field(step, STEP.SCRATCH_PTR) + by * reader.field(step, STEP.SCRATCH_BYTES);
    const error = reader.field(step, STEP.ERRORS_PTR) + (by * reader.field(step, STEP.PIECE_COUNT) + p) * LAYOUT.ERROR_BYTES;
    this.#kernel.poolPiece(jobs.ptr, jobs.count, piece, firstBag, bags, dest, stride, window, windowRow, scratch, error);
  }
}
