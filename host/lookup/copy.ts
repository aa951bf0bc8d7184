import { EmbeddingError } from "../errors.js";
import { type KernelExports, LAYOUT } from "../memory/abi.js";
import { alignLine } from "../memory/map.js";
import { show } from "../resolve.js";
import type { CheckedBatch, Picks } from "./batch.js";
import { type ExchangeViews, indexCount, jaggedFloats, type Piece, slotRange } from "./piece.js";

/** Where copyPiece works, and what it tells the kernels. */
export interface CopyTarget {
  views: ExchangeViews;
  kernel: KernelExports;
  /** Feature map of lookups with all features. */
  wholeMapPtr: number;
  /** Start of the piece's input. */
  inputPtr: number;
  /** Start of the piece's result. */
  resultPtr: number;
  rowColumns: number;
  /** Address of the piece's record. */
  recordPtr: number;
  /** First sample of the piece within its step. */
  firstSample: number;
}

/**
 * Copies a piece's input into the exchange memory, checks the copy, and writes the piece's record.
 * @throws EmbeddingError EMBEDDING_OFFSETS; nothing but the piece's own bytes was written then
 */
export function copyPiece(piece: Piece, target: CopyTarget): void {
  const { views, recordPtr, resultPtr } = target;
  const { picks, indexBytes, weights } = piece.batch;
  const slots = picks.features.length;
  const count = indexCount(piece);
  const mapBytes = alignLine(picks.slots.length * LAYOUT.FEATURE_MAP_BYTES);
  const offsetsPtr = target.inputPtr + mapBytes;
  const indicesPtr = offsetsPtr + alignLine((slots * piece.count + 1) * 4);
  const weightsPtr = indicesPtr + alignLine(count * indexBytes);
  if (piece.whole) {
    copyBytes(views, offsetsPtr, piece.offsets, (slots * piece.count + 1) * 4);
    checkOffsetsCopy(piece, target.kernel, views, offsetsPtr, count);
    copyBytes(views, indicesPtr, piece.batch.indices, count * indexBytes);
    if (weights !== undefined) copyBytes(views, weightsPtr, weights, count * 4);
  } else copyRanges(piece, views, { offsetsPtr, indicesPtr, weightsPtr });
  let featureMapPtr = target.wholeMapPtr;
  if (!picks.whole) {
    featureMapPtr = target.inputPtr;
    writeFeatureMap(picks, views.words, featureMapPtr);
    placeJagged(piece, views, { ...target, featureMapPtr });
  }
  const record = recordPtr / 4;
  const { words } = views;
  words[record + LAYOUT.PIECE_BATCH_SIZE / 4] = piece.count;
  words[record + LAYOUT.PIECE_INDICES_PTR / 4] = indicesPtr;
  words[record + LAYOUT.PIECE_INDEX_BYTES / 4] = indexBytes;
  words[record + LAYOUT.PIECE_OFFSETS_PTR / 4] = offsetsPtr;
  words[record + LAYOUT.PIECE_WEIGHTS_PTR / 4] = weights === undefined ? 0 : weightsPtr;
  words[record + LAYOUT.PIECE_FEATURE_MAP_PTR / 4] = featureMapPtr;
  words[record + LAYOUT.PIECE_FIRST_SAMPLE / 4] = target.firstSample;
  words[record + LAYOUT.PIECE_RESULT_PTR / 4] = resultPtr;
  words[record + LAYOUT.PIECE_RESULT_STRIDE_BYTES / 4] = target.rowColumns * 4;
}

/**
 * Copies an array of `bytes` bytes. Through Uint8Arrays: between unlike buffers that is the fast path of TypedArray.set.
 * @throws EmbeddingError EMBEDDING_BATCH when the array was resized, or its buffer transferred, since the lookup was made
 */
export function copyBytes(views: ExchangeViews, ptr: number, from: Int32Array | BigInt64Array | Float32Array, bytes: number): void {
  if (from.byteLength !== bytes) {
    throw new EmbeddingError(
      "EMBEDDING_BATCH",
      `a borrowed array changed: got ${from.byteLength} bytes, expected ${bytes}; inputs belong to the lookup until it settles`,
      {
        got: from.byteLength,
        expected: bytes,
      },
    );
  }
  views.bytes.set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), ptr);
}

/** Copies the parts of a cut lookup, slot by slot, offsets made relative to the piece. */
function copyRanges(piece: Piece, views: ExchangeViews, to: { offsetsPtr: number; indicesPtr: number; weightsPtr: number }): void {
  const { picks, indices, indexBytes, weights, batchSize } = piece.batch;
  let position = 0;
  let out = to.offsetsPtr / 4;
  for (let slot = 0; slot < picks.features.length; slot += 1) {
    const [begin, end] = slotRange(piece, slot);
    const shift = position - begin;
    const from = slot * batchSize + piece.first;
    for (let s = 0; s < piece.count; s += 1) views.words[out + s] = piece.offsets[from + s] + shift;
    out += piece.count;
    copyBytes(views, to.indicesPtr + position * indexBytes, indices.subarray(begin, end), (end - begin) * indexBytes);
    if (weights !== undefined) copyBytes(views, to.weightsPtr + position * 4, weights.subarray(begin, end), (end - begin) * 4);
    position += end - begin;
  }
  views.words[out] = position;
}

/** Writes a feature map: for each feature of the engine its slot, and its column byte. */
export function writeFeatureMap(picks: Picks, words: Uint32Array, ptr: number): void {
  picks.slots.forEach((slot, feature) => {
    const at = (ptr + feature * LAYOUT.FEATURE_MAP_BYTES) / 4;
    words[at + LAYOUT.FEATURE_SLOT / 4] = slot;
    words[at + LAYOUT.FEATURE_TARGET / 4] = slot < 0 ? 0 : picks.columnOffsets[slot] * 4;
  });
}

/** Gives each jagged feature its place behind the rows of the result. */
function placeJagged(piece: Piece, views: ExchangeViews, target: { featureMapPtr: number; resultPtr: number; rowColumns: number }): void {
  const { picks } = piece.batch;
  let ptr = target.resultPtr + alignLine(piece.count * target.rowColumns * 4);
  for (const slot of picks.jagged) {
    const feature = picks.slots.indexOf(slot);
    views.words[(target.featureMapPtr + feature * LAYOUT.FEATURE_MAP_BYTES + LAYOUT.FEATURE_TARGET) / 4] = ptr;
    ptr += alignLine(jaggedFloats(piece, slot) * 4);
  }
}

function offsetsError(position: number, got: number, expected: string, piece: Piece): EmbeddingError {
  const { picks, batchSize } = piece.batch;
  const slot = Math.floor(Math.max(0, position - 1) / Math.max(1, batchSize));
  const details = {
    position,
    got,
    expected,
    ...(position > 0 && slot < picks.features.length ? { feature: picks.features[slot].name, sample: (position - 1) % batchSize } : {}),
  };
  return new EmbeddingError("EMBEDDING_OFFSETS", `offsets[${position}]: got ${got}, expected ${expected}`, details);
}

function checkOffsetsCopy(piece: Piece, kernel: KernelExports, views: ExchangeViews, ptr: number, count: number): void {
  const elements = piece.batch.picks.features.length * piece.count + 1;
  const bad = kernel.checkOffsets(ptr, elements, count);
  if (bad < 0) return;
  throw badOffset(bad, (n) => views.words[ptr / 4 + n] | 0, elements, count, piece);
}

function badOffset(bad: number, at: (n: number) => number, elements: number, count: number, piece: Piece): EmbeddingError {
  const got = at(bad);
  if (bad === 0 && got !== 0) return offsetsError(0, got, "0, offsets start at 0", piece);
  const before = bad > 0 ? at(bad - 1) : 0;
  if (got < before) return offsetsError(bad, got, `at least ${before}, offsets never fall`, piece);
  if (bad === elements - 1) return offsetsError(bad, got, `${count}, the last offset is indices.length`, piece);
  return offsetsError(bad, got, `at most ${count}, the number of indices`, piece);
}

/**
 * Checks the offsets of a lookup that will be cut, and returns a private copy of them.
 * @throws EmbeddingError EMBEDDING_OFFSETS
 */
export function copyOffsets(batch: CheckedBatch): Int32Array {
  const offsets = Int32Array.from(batch.offsets);
  const piece: Piece = { batch, first: 0, count: batch.batchSize, offsets, whole: true };
  const count = batch.indexCount;
  for (let n = 0; n < offsets.length; n += 1) {
    const wrong = n === 0 ? offsets[0] !== 0 : offsets[n] < offsets[n - 1];
    if (wrong || (n === offsets.length - 1 && offsets[n] !== count)) throw badOffset(n, (i) => offsets[i], offsets.length, count, piece);
  }
  return offsets;
}

/** The error of an index that is out of range or of a key that is missing, from the record that a kernel left for this piece. */
export function indexError(piece: Piece, words: Uint32Array, errorPtr: number, offsetsPtr: number): EmbeddingError {
  const at = errorPtr / 4;
  const slot = words[at + LAYOUT.ERROR_SLOT / 4];
  const inPiece = words[at + LAYOUT.ERROR_POSITION / 4];
  const value = (BigInt(words[at + LAYOUT.ERROR_VALUE_HIGH / 4] | 0) << 32n) | BigInt(words[at + LAYOUT.ERROR_VALUE_LOW / 4]);
  const limit = words[at + LAYOUT.ERROR_LIMIT / 4];
  const { picks, batchSize } = piece.batch;
  const base = offsetsPtr / 4 + slot * piece.count;
  let sample = 0;
  while (words[base + sample + 1] <= inPiece) sample += 1;
  const position = piece.whole ? inPiece : inPiece - words[base] + piece.offsets[slot * batchSize + piece.first];
  const feature = picks.features[slot].name;
  const where = `indices[${position}] (feature ${show(feature)}, sample ${piece.first + sample})`;
  const place = { feature, sample: piece.first + sample, position };
  if (words[at + LAYOUT.ERROR_STATUS / 4] === LAYOUT.STATUS_KEY_MISSING) {
    const expected = `one of its table's ${limit} keys`;
    return new EmbeddingError("EMBEDDING_KEY_MISSING", `${where}: got key ${value}, expected ${expected}`, {
      ...place,
      got: value,
      expected,
    });
  }
  return new EmbeddingError("EMBEDDING_INDEX_RANGE", `${where}: got ${value}, expected 0 <= index < ${limit}`, {
    ...place,
    got: Number(value),
    expected: `0 <= index < ${limit}`,
  });
}
