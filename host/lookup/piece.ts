import { LAYOUT } from "../memory/abi.js";
import { alignLine } from "../memory/map.js";
import type { WasmMemory } from "../memory/wasm.js";
import type { CheckedBatch } from "./batch.js";

/** The exchange memory through the views that are used on it. */
export interface ExchangeViews {
  bytes: Uint8Array;
  words: Uint32Array;
  floats: Float32Array;
  doubles: Float64Array;
}

/** Typed views of all of a memory. */
export function viewsOf(memory: WasmMemory): ExchangeViews {
  const { buffer } = memory;
  return {
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}

/** Samples [first, first + count) of a lookup. `offsets` are the lookup's own, or a private copy that was checked already when it is cut. */
export interface Piece {
  batch: CheckedBatch;
  first: number;
  count: number;
  offsets: Int32Array;
  /** The piece is the lookup as it came: offsets are checked on the copy. */
  whole: boolean;
}

/** A lookup as one piece. */
export function wholePiece(batch: CheckedBatch): Piece {
  return { batch, first: 0, count: batch.batchSize, offsets: batch.offsets, whole: true };
}

/** Bytes that a piece needs in the exchange memory. */
export interface PieceSize {
  inputBytes: number;
  /** Rows, then the values of jagged features. */
  resultBytes: number;
  /** For each rank. */
  scratchBytes: number;
}

/** Positions of a slot's indices within the lookup. */
export function slotRange(piece: Piece, slot: number): [begin: number, end: number] {
  const at = slot * piece.batch.batchSize + piece.first;
  return [piece.offsets[at], piece.offsets[at + piece.count]];
}

/** Indices of a piece. */
export function indexCount(piece: Piece): number {
  if (piece.whole) return piece.batch.indexCount;
  let count = 0;
  for (let slot = 0; slot < piece.batch.picks.features.length; slot += 1) {
    const [begin, end] = slotRange(piece, slot);
    count += end - begin;
  }
  return count;
}

/** Floats of a jagged feature's values, an upper bound while the offsets of a whole lookup are not checked. */
export function jaggedFloats(piece: Piece, slot: number): number {
  const { features } = piece.batch.picks;
  const [begin, end] = slotRange(piece, slot);
  const rows = piece.whole ? Math.min(Math.max(0, end - begin), piece.batch.indexCount) : end - begin;
  return rows * features[slot].dim;
}

/** What a piece needs. rowColumns: floats of a result row. */
export function measurePiece(piece: Piece, rowColumns: number): PieceSize {
  const { picks, indexBytes, weights } = piece.batch;
  const indices = indexCount(piece);
  const weightBytes = weights === undefined ? 0 : indices * 4;
  const offsetBytes = (picks.features.length * piece.count + 1) * 4;
  let resultBytes = alignLine(piece.count * rowColumns * 4);
  for (const slot of picks.jagged) resultBytes += alignLine(jaggedFloats(piece, slot) * 4);
  return {
    inputBytes:
      alignLine(picks.slots.length * LAYOUT.FEATURE_MAP_BYTES) +
      alignLine(offsetBytes) +
      alignLine(indices * indexBytes) +
      alignLine(weightBytes),
    resultBytes,
    scratchBytes: alignLine(
      (picks.resolved ? indices * 4 + LAYOUT.RESOLVE_LIST_BYTES : 0) +
        (picks.filtered ? (piece.count + 1) * 4 + (indices + 1) * (weights === undefined ? 4 : 8) : 0),
    ),
  };
}

/** The longest piece from sample `first` on for which `fits` holds; one sample if none does. offsets: checked and private. */
export function largestPiece(
  from: { batch: CheckedBatch; first: number; offsets: Int32Array; maxSamples: number },
  fits: (piece: Piece) => boolean,
): Piece {
  const { batch, first, offsets, maxSamples } = from;
  const part = (count: number): Piece => ({ batch, first, count, offsets, whole: false });
  let enough = 1;
  let tooMany = Math.min(batch.batchSize - first, maxSamples) + 1;
  while (tooMany - enough > 1) {
    const middle = Math.floor((enough + tooMany) / 2);
    if (fits(part(middle))) enough = middle;
    else tooMany = middle;
  }
  return part(enough);
}
