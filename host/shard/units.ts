import { MOST_UNITS, openSlot } from "../collective/offers.js";
import { LAYOUT } from "../memory/abi.js";
import { NO_RECEIVER, STEP, UNIT } from "../memory/map.js";
import type { JobRun, JobRuns } from "./runs.js";
import type { SliceCut, StepReader } from "./step-reader.js";

/** What an index and a bag cost besides the bytes of rows, in such bytes. */
const INDEX_BYTES = 8;
const BAG_BYTES = 32;
/** Larger units where there would be more than this. */
const AIMED_UNITS = 128;
/** A job of more units than this is cut by bags. */
const CUT_FROM_UNITS = 1.5;
/** Indices a job from which looking at every job of a piece costs next to nothing beside pooling it. */
const LOOK_FROM_INDICES = 32;

/** What a cutter knows besides the steps' records. */
export interface CutOptions {
  rank: number;
  ranks: number;
  /** What the rank pools. */
  runs: JobRuns;
  /** Work that a unit has at least, where bags and jobs can be cut or joined to it. */
  unitBytes: number;
  /** Where the units' records go: MOST_UNITS of them for each of OPEN_STEPS steps. */
  unitsPtr: number;
}

/** Bags of a run's jobs for one receiver, or for all of them. */
interface RunSlice {
  run: JobRun;
  /** Number of the run's first job among all jobs of the rank's runs. */
  firstJob: number;
  /** NO_RECEIVER where rows go straight to the results. */
  receiver: number;
  firstBag: number;
  bags: number;
}

/**
 * Cuts a rank's part of a step into units of about the same work: runs of small pieces; in large ones runs of small jobs, and of large jobs
 * runs of bags. A bag is never cut. Work is counted in bytes of rows, by the step's records: plain numbers, no clock.
 */
export class UnitCutter {
  readonly #reader: StepReader;
  readonly #options: CutOptions;
  /** The runs that what follows is about. */
  #runs: readonly JobRun[] = [];
  /** Of all jobs of the runs, run by run: the feature, and bytes of rows, and of a key's bucket, that an index of it makes this rank read, on average. */
  #jobFeatures = new Uint32Array(0);
  #jobBytes = new Float64Array(0);
  /** Over the features: the most bytes an index, and what it is in the mean over the rank's own. */
  #mostBytes = 0;
  #meanBytes = 0;
  #works = new Float64Array(16);
  #target = 0;
  #count = 0;
  /** Where the records of the step at hand go. */
  #unitsPtr = 0;

  constructor(reader: StepReader, options: CutOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** Looks at the jobs of other runs than before. */
  #learn(runs: readonly JobRun[]): void {
    this.#runs = runs;
    const { ranks } = this.#options;
    const jobs = runs.flatMap(({ ptr, count, sliceOnly }) =>
      Array.from({ length: count }, (_, j) => ({ ptr: ptr + j * LAYOUT.JOB_BYTES, part: sliceOnly ? 1 / ranks : 1 })),
    );
    this.#jobFeatures = new Uint32Array(jobs.length);
    this.#jobBytes = new Float64Array(jobs.length);
    const most = new Map<number, number>();
    let sum = 0;
    jobs.forEach(({ ptr, part }, j) => {
      const field = (name: number): number => this.#reader.word(ptr + name);
      const feature = field(LAYOUT.JOB_FEATURE);
      const share = field(LAYOUT.JOB_ROW_COUNT) / field(LAYOUT.JOB_NUM_ROWS);
      const keyBytes = field(LAYOUT.JOB_RESOLVING) === LAYOUT.RESOLVE_KEYS ? LAYOUT.BUCKET_BYTES : 0;
      const bytes = field(LAYOUT.JOB_STRIDE_BYTES) * share + keyBytes + INDEX_BYTES;
      this.#jobFeatures[j] = feature;
      this.#jobBytes[j] = bytes;
      most.set(feature, (most.get(feature) ?? 0) + bytes);
      sum += bytes * part;
    });
    this.#mostBytes = Math.max(0, ...most.values());
    this.#meanBytes = sum / Math.max(1, most.size);
  }

  /** Writes the units of a step's part and returns how many there are; 0 when the part is too small to be shared. */
  cut(step: number): number {
    this.#unitsPtr = this.#options.unitsPtr + openSlot(step) * MOST_UNITS * UNIT.BYTES;
    const reader = this.#reader;
    const { rank, runs, unitBytes } = this.#options;
    const own = runs.of(step, rank);
    if (own !== this.#runs) this.#learn(own);
    const samples = reader.field(step, STEP.SAMPLES);
    const most = reader.field(step, STEP.INDEX_COUNT) * this.#mostBytes + samples * this.#jobBytes.length * BAG_BYTES;
    if (most < 2 * unitBytes) return 0;
    const pieces = reader.field(step, STEP.PIECE_COUNT);
    if (this.#works.length < pieces) this.#works = new Float64Array(2 * pieces);
    let work = 0;
    for (let p = 0; p < pieces; p += 1) {
      this.#works[p] = this.#pieceWork(step, p);
      work += this.#works[p];
    }
    if (work < 2 * unitBytes) return 0;
    // Borders of pieces and receivers may make more units than there is room for. Larger ones end it: one of all work is a single run of pieces.
    for (this.#target = Math.max(unitBytes, work / AIMED_UNITS); !this.#write(step, pieces); this.#target *= 2);
    return this.#count > 1 ? this.#count : 0;
  }

  #pieceWork(step: number, p: number): number {
    const reader = this.#reader;
    const jobs = this.#jobBytes.length;
    const piece = reader.piece(step, p);
    const bags = reader.word(piece + LAYOUT.PIECE_BATCH_SIZE);
    const indices = reader.word(reader.field(step, STEP.INDEX_COUNTS_PTR) + p * 4);
    if (indices < jobs * LOOK_FROM_INDICES) return indices * this.#meanBytes + bags * jobs * BAG_BYTES;
    let work = 0;
    let j = 0;
    for (const run of this.#runs) {
      const own = run.sliceOnly ? this.#ownSlice(step, piece) : { firstBag: 0, bags };
      for (let n = 0; n < run.count; n += 1, j += 1) work += this.#jobWork(piece, j, own.firstBag, own.bags);
    }
    return work;
  }

  /** What of a piece falls into this rank's slice. */
  #ownSlice(step: number, piece: number): SliceCut {
    return this.#reader.cut(piece, this.#reader.field(step, STEP.SAMPLES), this.#options.rank);
  }

  /** Work of bags of a job; 0 where the piece does not pick its feature. */
  #jobWork(piece: number, j: number, firstBag: number, bags: number): number {
    const offsets = this.#bagOffsets(piece, j);
    if (offsets < 0) return 0;
    const { words } = this.#reader;
    return (words[offsets + firstBag + bags] - words[offsets + firstBag]) * this.#jobBytes[j] + bags * BAG_BYTES;
  }

  /** Word where the offsets of a job's bags start; negative when the piece does not pick its feature. */
  #bagOffsets(piece: number, j: number): number {
    const reader = this.#reader;
    const picked = reader.word(piece + LAYOUT.PIECE_FEATURE_MAP_PTR) + this.#jobFeatures[j] * LAYOUT.FEATURE_MAP_BYTES;
    const slot = reader.word(picked + LAYOUT.FEATURE_SLOT) | 0;
    if (slot < 0) return -1;
    return reader.word(piece + LAYOUT.PIECE_OFFSETS_PTR) / 4 + slot * reader.word(piece + LAYOUT.PIECE_BATCH_SIZE);
  }

  /** Writes units of about #target. False when there is no room for them. */
  #write(step: number, pieces: number): boolean {
    this.#count = 0;
    let first = 0;
    let run = 0;
    for (let p = 0; p < pieces; p += 1) {
      const large = this.#works[p] > this.#target;
      if (!large) run += this.#works[p];
      const end = large ? p : p + 1;
      if (end > first && (large || run >= this.#target || end === pieces)) {
        if (!this.#put([first, end - first])) return false;
        first = end;
        run = 0;
      }
      if (!large) continue;
      if (!this.#cutPiece(step, p)) return false;
      first = p + 1;
    }
    return true;
  }

  #cutPiece(step: number, p: number): boolean {
    const reader = this.#reader;
    const { rank, ranks } = this.#options;
    const piece = reader.piece(step, p);
    const samples = reader.field(step, STEP.SAMPLES);
    const all = { firstBag: 0, bags: reader.word(piece + LAYOUT.PIECE_BATCH_SIZE) };
    let firstJob = 0;
    for (const run of this.#runs) {
      const cut = (receiver: number, slice: Pick<SliceCut, "firstBag" | "bags">): boolean => {
        const { firstBag, bags } = slice;
        return (
          bags === 0 || this.#cutJobs(p, piece, { run, firstJob, receiver: run.throughWindows ? receiver : NO_RECEIVER, firstBag, bags })
        );
      };
      if (run.sliceOnly) {
        if (!cut(rank, this.#ownSlice(step, piece))) return false;
      } else if (!run.throughWindows) {
        if (!cut(NO_RECEIVER, all)) return false;
      } else {
        for (let receiver = 0; receiver < ranks; receiver += 1) if (!cut(receiver, reader.cut(piece, samples, receiver))) return false;
      }
      firstJob += run.count;
    }
    return true;
  }

  #cutJobs(p: number, piece: number, slice: RunSlice): boolean {
    const { run, firstJob, receiver, firstBag, bags } = slice;
    const put = (first: number, end: number): boolean =>
      end === first || this.#put([p, 0, run.ptr + first * LAYOUT.JOB_BYTES, end - first, firstBag, bags, receiver, run.owner]);
    let first = 0;
    let sum = 0;
    for (let j = 0; j < run.count; j += 1) {
      const work = this.#jobWork(piece, firstJob + j, firstBag, bags);
      const large = work > CUT_FROM_UNITS * this.#target && bags > 1;
      if (!large) sum += work;
      const end = large ? j : j + 1;
      if (large || sum >= this.#target || end === run.count) {
        if (!put(first, end)) return false;
        first = end;
        sum = 0;
      }
      if (!large) continue;
      if (!this.#cutBags(p, piece, { ...slice, job: j, parts: Math.round(work / this.#target) })) return false;
      first = j + 1;
    }
    return true;
  }

  /** Cuts a job into runs of bags with about as many rows each; fewer runs where single bags have more. */
  #cutBags(p: number, piece: number, slice: RunSlice & { job: number; parts: number }): boolean {
    const { words } = this.#reader;
    const { run, firstJob, receiver, firstBag, bags, job, parts } = slice;
    const offsets = this.#bagOffsets(piece, firstJob + job);
    const jobPtr = run.ptr + job * LAYOUT.JOB_BYTES;
    const end = firstBag + bags;
    const begin = words[offsets + firstBag];
    const rows = words[offsets + end] - begin;
    let from = firstBag;
    for (let part = 1; part <= parts; part += 1) {
      let to = end;
      if (part < parts && rows === 0) to = firstBag + Math.floor((bags * part) / parts);
      else if (part < parts) to = Math.max(from, this.#findBag(offsets, from, end, begin + (rows * part) / parts));
      if (to === from) continue;
      if (!this.#put([p, 0, jobPtr, 1, from, to - from, receiver, run.owner])) return false;
      from = to;
    }
    return true;
  }

  /** The first bag of [from, end) that begins at or after a position, or `end`. */
  #findBag(offsets: number, from: number, end: number, position: number): number {
    const { words } = this.#reader;
    let low = from;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (words[offsets + middle] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Writes a unit's record: its fields in order. */
  #put(fields: readonly number[]): boolean {
    if (this.#count === MOST_UNITS) return false;
    const at = (this.#unitsPtr + this.#count * UNIT.BYTES) / 4;
    for (let n = 0; n < fields.length; n += 1) this.#reader.words[at + n] = fields[n];
    this.#count += 1;
    return true;
  }
}
