import { MOST_UNITS, openSlot } from "../collective/offers.js";
import { LAYOUT } from "../memory/abi.js";
import { STEP, UNIT } from "../memory/map.js";
import type { RankJobs } from "../memory/records.js";
import type { StepReader } from "./step-reader.js";

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
  /** The rank's jobs, and all ranks' (to know how many features there are). */
  jobs: RankJobs;
  ranks: number;
  /** Work that a unit has at least, where bags and jobs can be cut or joined to it. */
  unitBytes: number;
  /** Whether rows go through windows: then a unit has samples of one receiver. */
  throughWindows: boolean;
  /** Where the units' records go: MOST_UNITS of them for each of OPEN_STEPS steps. */
  unitsPtr: number;
}

/**
 * Cuts a rank's part of a step into units of about the same work: runs of small pieces; in large ones runs of small jobs, and of large jobs
 * runs of bags. A bag is never cut. Work is counted in bytes of rows, by the step's records: plain numbers, no clock.
 */
export class UnitCutter {
  readonly #reader: StepReader;
  readonly #options: CutOptions;
  readonly #jobFeatures: Uint32Array;
  /** Bytes of rows, and of a key's bucket, that an index of the job's feature makes this rank read, on average. */
  readonly #jobBytes: Float64Array;
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
    const { jobs } = options;
    this.#jobFeatures = new Uint32Array(jobs.count);
    this.#jobBytes = new Float64Array(jobs.count);
    const byFeature = new Map<number, number>();
    for (let j = 0; j < jobs.count; j += 1) {
      const field = (name: number): number => reader.word(jobs.ptr + j * LAYOUT.JOB_BYTES + name);
      const feature = field(LAYOUT.JOB_FEATURE);
      const share = field(LAYOUT.JOB_ROW_COUNT) / field(LAYOUT.JOB_NUM_ROWS);
      this.#jobFeatures[j] = feature;
      const keyBytes = field(LAYOUT.JOB_RESOLVING) === LAYOUT.RESOLVE_KEYS ? LAYOUT.BUCKET_BYTES : 0;
      this.#jobBytes[j] = field(LAYOUT.JOB_STRIDE_BYTES) * share + keyBytes + INDEX_BYTES;
      byFeature.set(feature, (byFeature.get(feature) ?? 0) + this.#jobBytes[j]);
    }
    for (const bytes of byFeature.values()) {
      this.#mostBytes = Math.max(this.#mostBytes, bytes);
      this.#meanBytes += bytes / byFeature.size;
    }
  }

  /** Writes the units of a step's part and returns how many there are; 0 when the part is too small to be shared. */
  cut(step: number): number {
    this.#unitsPtr = this.#options.unitsPtr + openSlot(step) * MOST_UNITS * UNIT.BYTES;
    const reader = this.#reader;
    const { jobs, unitBytes } = this.#options;
    const samples = reader.field(step, STEP.SAMPLES);
    const most = reader.field(step, STEP.INDEX_COUNT) * this.#mostBytes + samples * jobs.count * BAG_BYTES;
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
    const { jobs } = this.#options;
    const piece = reader.piece(step, p);
    const bags = reader.word(piece + LAYOUT.PIECE_BATCH_SIZE);
    const indices = reader.word(reader.field(step, STEP.INDEX_COUNTS_PTR) + p * 4);
    if (indices < jobs.count * LOOK_FROM_INDICES) return indices * this.#meanBytes + bags * jobs.count * BAG_BYTES;
    let work = 0;
    for (let j = 0; j < jobs.count; j += 1) work += this.#jobWork(piece, j, 0, bags);
    return work;
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
    const { ranks, throughWindows } = this.#options;
    const piece = reader.piece(step, p);
    if (!throughWindows) return this.#cutJobs(p, piece, { receiver: 0, firstBag: 0, bags: reader.word(piece + LAYOUT.PIECE_BATCH_SIZE) });
    const samples = reader.field(step, STEP.SAMPLES);
    for (let receiver = 0; receiver < ranks; receiver += 1) {
      const { firstBag, bags } = reader.cut(piece, samples, receiver);
      if (bags > 0 && !this.#cutJobs(p, piece, { receiver, firstBag, bags })) return false;
    }
    return true;
  }

  #cutJobs(p: number, piece: number, slice: { receiver: number; firstBag: number; bags: number }): boolean {
    const { jobs } = this.#options;
    const { receiver, firstBag, bags } = slice;
    const put = (first: number, end: number): boolean =>
      end === first || this.#put([p, 0, jobs.ptr + first * LAYOUT.JOB_BYTES, end - first, firstBag, bags, receiver]);
    let first = 0;
    let run = 0;
    for (let j = 0; j < jobs.count; j += 1) {
      const work = this.#jobWork(piece, j, firstBag, bags);
      const large = work > CUT_FROM_UNITS * this.#target && bags > 1;
      if (!large) run += work;
      const end = large ? j : j + 1;
      if (large || run >= this.#target || end === jobs.count) {
        if (!put(first, end)) return false;
        first = end;
        run = 0;
      }
      if (!large) continue;
      if (!this.#cutBags(p, piece, { ...slice, job: j, parts: Math.round(work / this.#target) })) return false;
      first = j + 1;
    }
    return true;
  }

  /** Cuts a job into runs of bags with about as many rows each; fewer runs where single bags have more. */
  #cutBags(p: number, piece: number, slice: { receiver: number; firstBag: number; bags: number; job: number; parts: number }): boolean {
    const { words } = this.#reader;
    const { receiver, firstBag, bags, job, parts } = slice;
    const offsets = this.#bagOffsets(piece, job);
    const jobPtr = this.#options.jobs.ptr + job * LAYOUT.JOB_BYTES;
    const end = firstBag + bags;
    const begin = words[offsets + firstBag];
    const rows = words[offsets + end] - begin;
    let from = firstBag;
    for (let part = 1; part <= parts; part += 1) {
      let to = end;
      if (part < parts && rows === 0) to = firstBag + Math.floor((bags * part) / parts);
      else if (part < parts) to = Math.max(from, this.#findBag(offsets, from, end, begin + (rows * part) / parts));
      if (to === from) continue;
      if (!this.#put([p, 0, jobPtr, 1, from, to - from, receiver])) return false;
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
