import { LAYOUT } from "#host/memory/abi.js";
import { type MemoryMap, STEP, UNIT } from "#host/memory/map.js";
import { JobRuns } from "#host/shard/runs.js";
import { StepReader, sliceStart } from "#host/shard/step-reader.js";
import { UnitCutter } from "#host/shard/units.js";

/** A job of the rank whose part is cut. */
export interface TestJob {
  feature: number;
  strideBytes: number;
  rowCount: number;
  numRows: number;
}

/** A piece: lengths[slot][sample]; feature f is in slot slots[f], -1 when it is not picked. */
export interface TestPiece {
  slots: readonly number[];
  lengths: readonly (readonly number[])[];
}

export interface TestStep {
  ranks: number;
  /** Whether jobs give partial sums, which go through windows. */
  throughWindows: boolean;
  /** The rank whose part is cut, default 0. */
  rank?: number;
  /** Features whose tables are replicated, default none. */
  replicated?: readonly number[];
  jobs: readonly TestJob[];
  pieces: readonly TestPiece[];
  unitBytes: number;
}

/** Bags [firstBag, firstBag + bags) of a piece for one job. */
export interface Part {
  piece: number;
  job: number;
  firstBag: number;
  bags: number;
}

/** Places blocks in an array of words that grows: pointers are bytes. */
class Words {
  readonly words: number[] = new Array(STEP.BYTES / 4).fill(0);

  take(words: readonly number[]): number {
    const ptr = this.words.length * 4;
    for (const word of words) this.words.push(word);
    return ptr;
  }
}

function record(bytes: number, fields: readonly (readonly [number, number])[]): number[] {
  const words = new Array<number>(bytes / 4).fill(0);
  for (const [field, value] of fields) words[field / 4] = value;
  return words;
}

function sampleCount({ lengths }: TestPiece): number {
  return lengths[0].length;
}

/** Cuts a step that is written to plain words, and returns its units: what each has to pool. */
export function cutStep(step: TestStep): Part[][] {
  const memory = new Words();
  const jobsPtr = memory.take(
    step.jobs.flatMap((job) =>
      record(LAYOUT.JOB_BYTES, [
        [LAYOUT.JOB_FEATURE, job.feature],
        [LAYOUT.JOB_STRIDE_BYTES, job.strideBytes],
        [LAYOUT.JOB_ROW_COUNT, job.rowCount],
        [LAYOUT.JOB_NUM_ROWS, job.numRows],
        [LAYOUT.JOB_PARTIAL, step.throughWindows ? 1 : 0],
      ]),
    ),
  );
  let samples = 0;
  const counts: number[] = [];
  const pieces = step.pieces.map((piece) => {
    let end = 0;
    const offsets = [0, ...piece.lengths.flat().map((length) => (end += length))];
    counts.push(end);
    const words = record(LAYOUT.PIECE_BYTES, [
      [LAYOUT.PIECE_BATCH_SIZE, sampleCount(piece)],
      [LAYOUT.PIECE_OFFSETS_PTR, memory.take(offsets)],
      [LAYOUT.PIECE_FEATURE_MAP_PTR, memory.take(piece.slots.flatMap((slot) => [slot >>> 0, 0]))],
      [LAYOUT.PIECE_FIRST_SAMPLE, samples],
    ]);
    samples += sampleCount(piece);
    return words;
  });
  const fields: [number, number][] = [
    [STEP.PIECE_COUNT, pieces.length],
    [STEP.PIECES_PTR, memory.take(pieces.flat())],
    [STEP.SAMPLES, samples],
    [STEP.INDEX_COUNT, counts.reduce((sum, count) => sum + count, 0)],
    [STEP.INDEX_COUNTS_PTR, memory.take(counts)],
  ];
  for (const [field, value] of fields) memory.words[field / 4] = value;
  const unitsPtr = memory.take(new Array<number>((256 * UNIT.BYTES) / 4).fill(0));
  const { ranks, rank = 0, unitBytes, replicated = [] } = step;
  const bits = replicated.reduce((word, feature) => word | (1 << feature), 0) >>> 0;
  const replicatedPtr = memory.take([bits]);
  const map = { stepsPtr: 0, windows: 1, windowsPtr: 0, windowBytes: 0, replicatedPtr, replicatedBytes: 4 } as MemoryMap;
  const reader = new StepReader(Uint32Array.from(memory.words), map, { ranks, featureBytes: undefined });
  // All jobs are those of rank 0: the others own nothing.
  const none = { ptr: jobsPtr, count: 0, partial: false };
  const jobs = Array.from({ length: ranks }, (_, owner) => (owner === 0 ? { ...none, count: step.jobs.length } : none));
  const runs = new JobRuns(reader, { map, jobs, stage: false });
  const units = new UnitCutter(reader, { rank, ranks, runs, unitBytes, unitsPtr }).cut(0);
  return Array.from({ length: units }, (_, unit) => partsOf(step, reader, { unit: unitsPtr + unit * UNIT.BYTES, jobsPtr, samples }));
}

function partsOf(
  step: TestStep,
  reader: StepReader,
  { unit, jobsPtr, samples }: { unit: number; jobsPtr: number; samples: number },
): Part[] {
  const field = (name: number): number => reader.word(unit + name);
  const first = field(UNIT.FIRST_PIECE);
  const count = field(UNIT.PIECE_COUNT);
  if (count > 0) return ownParts(step).filter(({ piece }) => piece >= first && piece < first + count);
  const [firstBag, bags] = [field(UNIT.FIRST_BAG), field(UNIT.BAGS)];
  if (step.throughWindows) {
    const start = reader.word(reader.piece(0, first) + LAYOUT.PIECE_FIRST_SAMPLE) + firstBag;
    const receiver = field(UNIT.RECEIVER);
    const [low, high] = [receiver, receiver + 1].map((rank) => sliceStart(samples, rank, step.ranks));
    if (start < low || start + bags > high) throw new Error(`a unit for receiver ${receiver} has samples of others`);
  }
  const firstJob = (field(UNIT.JOBS_PTR) - jobsPtr) / LAYOUT.JOB_BYTES;
  return Array.from({ length: field(UNIT.JOB_COUNT) }, (_, n) => ({ piece: first, job: firstJob + n, firstBag, bags }));
}

/** All that the rank has to pool: of replicated tables its own slice, of others all bags, if it is their owner. */
export function ownParts({ ranks, rank = 0, replicated = [], jobs, pieces }: TestStep): Part[] {
  const samples = pieces.reduce((sum, piece) => sum + sampleCount(piece), 0);
  const [low, high] = [rank, rank + 1].map((border) => sliceStart(samples, border, ranks));
  let start = 0;
  return pieces.flatMap((one, piece) => {
    const end = start + sampleCount(one);
    const [from, to] = [Math.max(low, start) - start, Math.min(high, end) - start];
    start = end;
    return jobs.flatMap(({ feature }, job): Part[] => {
      if (!replicated.includes(feature)) return rank === 0 ? [{ piece, job, firstBag: 0, bags: sampleCount(one) }] : [];
      return to > from ? [{ piece, job, firstBag: from, bags: to - from }] : [];
    });
  });
}

/** Rows of a part, 0 where its feature is not picked. */
export function rowsOf({ jobs, pieces }: TestStep, { piece, job, firstBag, bags }: Part): number {
  const { slots, lengths } = pieces[piece];
  const slot = slots[jobs[job].feature];
  if (slot < 0) return 0;
  return lengths[slot].slice(firstBag, firstBag + bags).reduce((sum, length) => sum + length, 0);
}
