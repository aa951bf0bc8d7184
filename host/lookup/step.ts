import type { Counters } from "../collective/counters.js";
import type { AccessLog } from "../diagnose/access.js";
import type { EmbeddingError } from "../errors.js";
import type { StepHistory } from "../lag/history.js";
import { type KernelExports, LAYOUT } from "../memory/abi.js";
import type { Allocator } from "../memory/allocator.js";
import { alignLine, type MemoryMap, STEP } from "../memory/map.js";
import { copyBytes, copyPiece } from "./copy.js";
import type { ResultBuffer, ResultPool } from "./leases.js";
import type { Lookup } from "./lookup.js";
import { type ExchangeViews, indexCount, type Piece, type PieceSize, slotRange } from "./piece.js";
import type { Replication } from "./replication.js";
import type { RowShape } from "./result.js";

/** What steps are made with, on the caller's thread. */
export interface StepContext {
  ranks: number;
  map: MemoryMap;
  counters: Counters;
  views: ExchangeViews;
  /** Any kernel over the exchange memory: it checks offsets. */
  kernel: KernelExports;
  allocator: Allocator;
  results: ResultPool;
  /** What a stage's rows look like; undefined without a stage. */
  shape: RowShape | undefined;
  /** Floats a sample in stageInput. */
  inputColumns: number;
  /** Takes the traces of the steps that are over. */
  history: StepHistory;
  /** Counts what is asked for. */
  access: AccessLog;
  /** Which tables the next step's ranks pool each for its own slice. */
  replication: Replication;
}

/** A piece chosen for a step. */
export interface Chosen {
  lookup: Lookup;
  piece: Piece;
  size: PieceSize;
}

/** A piece in a step that is under way. */
export interface Placed extends Chosen {
  resultPtr: number;
  offsetsPtr: number;
}

/** A step that is under way. */
export interface Step {
  /** Value of the wrapping counter. */
  step: number;
  /** Counted from 0. */
  ordinal: number;
  /** Records, scratch and input, freed when the step is over. */
  blockPtr: number;
  errorsPtr: number;
  buffer: ResultBuffer;
  pieces: Placed[];
  samples: number;
  /** performance.now() when the ranks were shown it. */
  requestedMs: number;
}

/** Floats of a result row of a lookup. */
export function rowColumns(context: StepContext, lookup: Lookup): number {
  return context.shape?.columns ?? lookup.batch.picks.columns;
}

/** Bytes that a step of these pieces takes, an upper bound. */
export function stepBytes(context: StepContext, chosen: readonly Chosen[]): number {
  return layBlock(context, chosen).bytes + resultBytes(chosen);
}

function resultBytes(chosen: readonly Chosen[]): number {
  return chosen.reduce((sum, { size }) => sum + size.resultBytes, 0);
}

/**
 * A step's block, offsets from its start:
 *
 *     piece records | error records [ranks, pieces] | index counts of the pieces | scratch, a part for each rank | stage input [samples, inputColumns] | inputs of the pieces
 */
function layBlock({ ranks, inputColumns }: StepContext, chosen: readonly Chosen[]) {
  const errors = chosen.length * LAYOUT.PIECE_BYTES;
  const indexCounts = errors + chosen.length * ranks * LAYOUT.ERROR_BYTES;
  const scratch = alignLine(indexCounts + chosen.length * 4);
  let scratchBytes = 0;
  let samples = 0;
  let inputBytes = 0;
  for (const { size, piece } of chosen) {
    scratchBytes = Math.max(scratchBytes, size.scratchBytes);
    samples += piece.count;
    inputBytes += size.inputBytes;
  }
  const stageInput = scratch + scratchBytes * ranks;
  const inputs = stageInput + alignLine(samples * inputColumns * 4);
  return { errors, indexCounts, scratch, scratchBytes, stageInput, inputs, bytes: inputs + inputBytes };
}

/** Why placeStep made no step. */
export type NoStep = "no room" | "nothing left";

/**
 * Copies the chosen pieces into the exchange memory and writes the step's record; the ranks do not see it yet. A piece whose copy is
 * refused goes to `refuse` and is left out. Without room nothing has happened.
 */
export function placeStep(
  context: StepContext,
  chosen: readonly Chosen[],
  counter: { step: number; ordinal: number },
  refuse: (piece: Chosen, error: EmbeddingError) => void,
): Step | NoStep {
  const { allocator, results, ranks, inputColumns, views } = context;
  const block = layBlock(context, chosen);
  const blockPtr = allocator.allocate(block.bytes);
  if (blockPtr < 0) return "no room";
  const buffer = results.allocate(resultBytes(chosen));
  if (buffer === undefined) {
    allocator.free(blockPtr);
    return "no room";
  }
  const pieces: Placed[] = [];
  let inputPtr = blockPtr + block.inputs;
  let resultPtr = buffer.ptr;
  let samples = 0;
  for (const one of chosen) {
    const { lookup, piece, size } = one;
    const recordPtr = blockPtr + pieces.length * LAYOUT.PIECE_BYTES;
    const columns = rowColumns(context, lookup);
    try {
      copyPiece(piece, {
        views,
        kernel: context.kernel,
        wholeMapPtr: context.map.featureMapPtr,
        inputPtr,
        resultPtr,
        rowColumns: columns,
        recordPtr,
        firstSample: samples,
      });
      copyStageInput(context, piece, blockPtr + block.stageInput + samples * inputColumns * 4);
    } catch (error) {
      refuse(one, error as EmbeddingError);
      continue;
    }
    noteAccess(context.access, piece);
    pieces.push({ ...one, resultPtr, offsetsPtr: views.words[(recordPtr + LAYOUT.PIECE_OFFSETS_PTR) / 4] });
    samples += piece.count;
    inputPtr += size.inputBytes;
    // A stage writes one array for all pieces; without it each piece has its own rows and jagged values.
    resultPtr = context.shape === undefined ? resultPtr + size.resultBytes : buffer.ptr + samples * columns * 4;
  }
  if (pieces.length === 0) {
    allocator.free(blockPtr);
    buffer.letGo();
    return "nothing left";
  }
  const errorsPtr = blockPtr + block.errors;
  views.bytes.fill(0, errorsPtr, errorsPtr + pieces.length * ranks * LAYOUT.ERROR_BYTES);
  const step: Step = { ...counter, blockPtr, errorsPtr, buffer, pieces, samples, requestedMs: 0 };
  writeRecord(context, step, block);
  return step;
}

/** Counts a piece whose offsets were checked. */
function noteAccess(access: AccessLog, piece: Piece): void {
  const { picks, indices } = piece.batch;
  access.note({ samples: piece.count, features: picks.engineFeatures, range: (slot) => slotRange(piece, slot), indices });
}

function writeRecord({ views, map, replication }: StepContext, step: Step, block: ReturnType<typeof layBlock>): void {
  const { words } = views;
  const countsPtr = step.blockPtr + block.indexCounts;
  let indices = 0;
  for (let p = 0; p < step.pieces.length; p += 1) {
    const count = indexCount(step.pieces[p].piece);
    words[countsPtr / 4 + p] = count;
    indices += count;
  }
  const at = (map.stepsPtr + (step.step & (map.windows - 1)) * STEP.BYTES) / 4;
  words[at + STEP.PIECE_COUNT / 4] = step.pieces.length;
  words[at + STEP.PIECES_PTR / 4] = step.blockPtr;
  words[at + STEP.SAMPLES / 4] = step.samples;
  words[at + STEP.ERRORS_PTR / 4] = step.errorsPtr;
  words[at + STEP.SCRATCH_PTR / 4] = step.blockPtr + block.scratch;
  words[at + STEP.SCRATCH_BYTES / 4] = block.scratchBytes;
  words[at + STEP.INPUT_PTR / 4] = step.blockPtr + block.stageInput;
  words[at + STEP.OUTPUT_PTR / 4] = step.buffer.ptr;
  words[at + STEP.STAGE_FAILED / 4] = 0;
  words[at + STEP.INDEX_COUNT / 4] = indices;
  words[at + STEP.INDEX_COUNTS_PTR / 4] = countsPtr;
  words[at + STEP.REPLICATION / 4] = replication.number;
  words.set(replication.bits, (map.replicatedPtr + (step.step & (map.windows - 1)) * map.replicatedBytes) / 4);
}

function copyStageInput({ inputColumns, views }: StepContext, piece: Piece, ptr: number): void {
  const { stageInput } = piece.batch;
  if (stageInput === undefined) return;
  const rows = stageInput.subarray(piece.first * inputColumns, (piece.first + piece.count) * inputColumns);
  copyBytes(views, ptr, rows, piece.count * inputColumns * 4);
}
