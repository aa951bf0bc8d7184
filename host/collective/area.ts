import { EmbeddingError } from "../errors.js";
import { Counters, windowCount } from "./counters.js";
import { Presence } from "./presence.js";

/** Segments, and the headers before them, start on cache lines. */
const LINE_BYTES = 64;
/** Most ranks of a collective. */
const MAX_RANKS = 64;
const MAX_LAG_BOUND = 1022;
/** Most bytes of an area: what every supported runtime gives in one piece. */
const MAX_AREA_BYTES = 2 ** 32;
const ALLOCATED = "what Alltoallv.allocate returned, or its clone";

/** Options of Alltoallv.allocate. */
export interface AlltoallvOptions {
  /** Ranks that take part, 1 to 64. */
  ranks: number;
  /** Steps that a rank may lag behind before the fastest blocks, 0 (the synchronous alltoallv) to 1022; default 4. Costs (lagBound + 2) windows, rounded up to a power of two. */
  lagBound?: number;
  /** Most bytes of a message: of every one, or segmentBytes[source][receiver]. At least 0; the area must fit in 4 GiB. */
  segmentBytes: number | readonly (readonly number[])[];
  /** Where the wrapping 32-bit step counters start; default 2^31 - 3, so that every run crosses the sign. Nobody needs it but tests of the wrap. Steps are counted from 0 all the same. */
  counterStart?: number;
}

/**
 * A collective's memory and what it takes to use it: plain data, made by Alltoallv.allocate, to be posted to the ranks' threads
 * (structured clone shares the buffer). Not to be changed.
 */
export interface AlltoallvShared {
  ranks: number;
  lagBound: number;
  /** Of the message from source to receiver: element source * ranks + receiver. */
  segmentBytes: number[];
  counterStart: number;
  buffer: SharedArrayBuffer;
}

/** The defaults of AlltoallvOptions. */
const DEFAULTS = { lagBound: 4, counterStart: 2 ** 31 - 3 } as const;

export function optionError(name: string, got: unknown, expected: string): EmbeddingError {
  const shown = typeof got === "object" && got !== null ? Object.prototype.toString.call(got).slice(8, -1) : String(got);
  return new EmbeddingError("EMBEDDING_OPTIONS", `${name}: got ${shown}, expected ${expected}`, { got, expected });
}

/** The value itself when it is an integer from low to high. */
export function integerOption(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
    throw optionError(name, value, `an integer from ${low} to ${high}`);
  return value;
}

/**
 * The shared memory of a collective.
 *
 *     counters             Counters.byteLength(ranks)
 *     presence             Presence.byteLength(ranks)
 *     receiver 0           window 0      segment of source 0
 *                                        segment of source 1 ...
 *                          window 1 ...
 *     receiver 1 ...
 *
 *     segment, written by its source    0   length of the message, uint32     64  its bytes, segmentBytes[source][receiver]
 *                                       4   unused                            ..  unused up to the next multiple of 64
 */
export class Area {
  readonly ranks: number;
  readonly lagBound: number;
  /** Value of the wrapping counters at step 0. */
  readonly counterStart: number;
  readonly counters: Counters;
  readonly presence: Presence;
  readonly #segmentBytes: readonly number[];
  readonly #buffer: SharedArrayBuffer;
  readonly #lengths: Uint32Array;
  readonly #places: Places;

  /**
   * Fills the options in and allocates. What is never touched of it costs address space only.
   * @throws EmbeddingError EMBEDDING_OPTIONS, EMBEDDING_MEMORY_LIMIT
   */
  static allocate(options: AlltoallvOptions): AlltoallvShared {
    if (typeof options !== "object" || options === null) throw optionError("options", options, "an object");
    const ranks = integerOption("ranks", options.ranks, 1, MAX_RANKS);
    const lagBound = integerOption("lagBound", options.lagBound ?? DEFAULTS.lagBound, 0, MAX_LAG_BOUND);
    const counterStart = integerOption("counterStart", options.counterStart ?? DEFAULTS.counterStart, -(2 ** 31), 2 ** 32 - 1) | 0;
    const segmentBytes = fillSegmentBytes(options.segmentBytes, ranks);
    const { areaBytes } = place(ranks, lagBound, segmentBytes);
    if (areaBytes > MAX_AREA_BYTES) throw memoryError(ranks, lagBound, areaBytes);
    let buffer: SharedArrayBuffer;
    try {
      buffer = new SharedArrayBuffer(areaBytes);
    } catch (cause) {
      throw memoryError(ranks, lagBound, areaBytes, cause);
    }
    const shared = { ranks, lagBound, segmentBytes, counterStart, buffer };
    new Area(shared).counters.reset(counterStart);
    return shared;
  }

  /** @throws EmbeddingError EMBEDDING_OPTIONS when the object is not what allocate returned. */
  constructor(shared: AlltoallvShared) {
    if (typeof shared !== "object" || shared === null) throw optionError("shared", shared, ALLOCATED);
    const { buffer } = shared;
    const ranks = integerOption("shared.ranks", shared.ranks, 1, MAX_RANKS);
    const lagBound = integerOption("shared.lagBound", shared.lagBound, 0, MAX_LAG_BOUND);
    if (shared.segmentBytes?.length !== ranks * ranks)
      throw optionError("shared.segmentBytes.length", shared.segmentBytes?.length, `${ranks * ranks}: ${ALLOCATED}`);
    this.#places = place(ranks, lagBound, shared.segmentBytes);
    if (buffer?.byteLength !== this.#places.areaBytes)
      throw optionError("shared.buffer.byteLength", buffer?.byteLength, `${this.#places.areaBytes}: ${ALLOCATED}`);
    const countersBytes = Counters.byteLength(ranks);
    this.ranks = ranks;
    this.lagBound = lagBound;
    this.counterStart = shared.counterStart;
    this.#segmentBytes = shared.segmentBytes;
    this.#buffer = buffer;
    this.#lengths = new Uint32Array(buffer);
    this.counters = new Counters(new Int32Array(buffer, 0, countersBytes / Int32Array.BYTES_PER_ELEMENT), ranks);
    this.presence = new Presence(new Int32Array(buffer, countersBytes, Presence.byteLength(ranks) / Int32Array.BYTES_PER_ELEMENT));
  }

  /** Most bytes of a message. */
  capacity(source: number, receiver: number): number {
    return this.#segmentBytes[source * this.ranks + receiver];
  }

  /** The bytes that a message of a step may have. The source's to write from its reserve to its publish. */
  room(source: number, receiver: number, step: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#buffer, this.#header(source, receiver, step) + LINE_BYTES, this.capacity(source, receiver));
  }

  /** Notes a message's true length; plain, for the source's publish makes it visible. */
  setLength(source: number, receiver: number, step: number, bytes: number): void {
    this.#lengths[this.#header(source, receiver, step) / 4] = bytes;
  }

  /** A message of a step. The receiver's to read from its completion to its release. */
  message(source: number, receiver: number, step: number): Uint8Array<SharedArrayBuffer> {
    const header = this.#header(source, receiver, step);
    return new Uint8Array(this.#buffer, header + LINE_BYTES, this.#lengths[header / 4]);
  }

  #header(source: number, receiver: number, step: number): number {
    const { windowMask, windowBytes, firstSegments } = this.#places;
    return firstSegments[source * this.ranks + receiver] + (step & windowMask) * windowBytes[receiver];
  }
}

/** Where all lies in an area. */
interface Places {
  areaBytes: number;
  /** Windows of a receiver, a power of two, less 1. */
  windowMask: number;
  /** From one window of a receiver to the next. */
  windowBytes: number[];
  /** Headers of the segments in window 0, element source * ranks + receiver. */
  firstSegments: number[];
}

function place(ranks: number, lagBound: number, segmentBytes: readonly number[]): Places {
  const windows = windowCount(lagBound);
  const windowBytes: number[] = [];
  const firstSegments: number[] = new Array<number>(ranks * ranks);
  let end = Counters.byteLength(ranks) + Presence.byteLength(ranks);
  for (let receiver = 0; receiver < ranks; receiver += 1) {
    let bytes = 0;
    for (let source = 0; source < ranks; source += 1) {
      firstSegments[source * ranks + receiver] = end + bytes;
      bytes += LINE_BYTES + Math.ceil(segmentBytes[source * ranks + receiver] / LINE_BYTES) * LINE_BYTES;
    }
    windowBytes.push(bytes);
    end += windows * bytes;
  }
  return { areaBytes: end, windowMask: windows - 1, windowBytes, firstSegments };
}

function fillSegmentBytes(segmentBytes: number | readonly (readonly number[])[], ranks: number): number[] {
  if (!Array.isArray(segmentBytes))
    return new Array<number>(ranks * ranks).fill(integerOption("segmentBytes", segmentBytes, 0, MAX_AREA_BYTES));
  const rows = segmentBytes as readonly (readonly number[])[];
  if (rows.length !== ranks) throw optionError("segmentBytes.length", rows.length, `${ranks}: a row for each source`);
  return rows.flatMap((row, source) => {
    if (!Array.isArray(row) || row.length !== ranks)
      throw optionError(`segmentBytes[${source}].length`, row?.length, `${ranks}: a number for each receiver`);
    return row.map((bytes, receiver) => integerOption(`segmentBytes[${source}][${receiver}]`, bytes, 0, MAX_AREA_BYTES));
  });
}

function memoryError(ranks: number, lagBound: number, areaBytes: number, cause?: unknown): EmbeddingError {
  return new EmbeddingError(
    "EMBEDDING_MEMORY_LIMIT",
    `segments of ${ranks} ranks and ${windowCount(lagBound)} windows each need ${areaBytes} bytes, ${cause === undefined ? `at most ${MAX_AREA_BYTES} are possible` : "which the system did not give"}`,
    { got: areaBytes, expected: MAX_AREA_BYTES, ...(cause === undefined ? {} : { cause }) },
  );
}
