import { LAYOUT } from "../memory/abi.js";
import { type MemoryMap, STEP } from "../memory/map.js";

/** First sample of rank j's slice of a step of `samples` samples. */
export function sliceStart(samples: number, rank: number, ranks: number): number {
  return Math.floor((samples * rank) / ranks);
}

/** The part of a piece that falls into a receiver's slice: its first bag, how many, and their first row in the receiver's window. */
export interface SliceCut {
  firstBag: number;
  bags: number;
  windowRow: number;
}

/** What the records of a step under way say. A step is known by its wrapping counter; any value that agrees in the slot of the ring does. */
export class StepReader {
  readonly words: Uint32Array;
  readonly #map: MemoryMap;
  readonly #ranks: number;
  /** Bytes of a sample's features in a window before a stage; undefined without a stage. */
  readonly #featureBytes: number | undefined;

  constructor(words: Uint32Array, map: MemoryMap, { ranks, featureBytes }: { ranks: number; featureBytes: number | undefined }) {
    this.words = words;
    this.#map = map;
    this.#ranks = ranks;
    this.#featureBytes = featureBytes;
  }

  word(ptr: number): number {
    return this.words[ptr / 4];
  }

  /** A field of the step's record, see STEP. */
  field(step: number, field: number): number {
    const { stepsPtr, windows } = this.#map;
    return this.words[(stepsPtr + (step & (windows - 1)) * STEP.BYTES + field) / 4];
  }

  piece(step: number, p: number): number {
    return this.field(step, STEP.PIECES_PTR) + p * LAYOUT.PIECE_BYTES;
  }

  window(step: number, receiver: number): number {
    const { windowsPtr, windows, windowBytes } = this.#map;
    return windowsPtr + ((step & (windows - 1)) * this.#ranks + receiver) * windowBytes;
  }

  cut(piece: number, samples: number, receiver: number): SliceCut {
    const pieceStart = this.word(piece + LAYOUT.PIECE_FIRST_SAMPLE);
    const pieceEnd = pieceStart + this.word(piece + LAYOUT.PIECE_BATCH_SIZE);
    const start = sliceStart(samples, receiver, this.#ranks);
    const first = Math.max(pieceStart, start);
    const end = Math.min(pieceEnd, sliceStart(samples, receiver + 1, this.#ranks));
    return { firstBag: first - pieceStart, bags: Math.max(0, end - first), windowRow: first - start };
  }

  /** Where a bag's final row goes: the window's features before a stage, else the result. */
  destination(piece: number, { firstBag, windowRow }: SliceCut, window: number): [ptr: number, strideBytes: number] {
    if (this.#featureBytes !== undefined) return [window + windowRow * this.#featureBytes, this.#featureBytes];
    const stride = this.word(piece + LAYOUT.PIECE_RESULT_STRIDE_BYTES);
    return [this.word(piece + LAYOUT.PIECE_RESULT_PTR) + firstBag * stride, stride];
  }
}
