import { EmbeddingError, type ErrorRecord, fromRecord } from "../errors.js";
import { LAYOUT } from "../memory/abi.js";
import { STAGE_ERROR_BYTES, STEP } from "../memory/map.js";
import { indexError } from "./copy.js";
import type { ResultBuffer } from "./leases.js";
import { FinishedLookup, GatheredRows, resultParts, viewRows } from "./result.js";
import type { Placed, Step, StepContext } from "./step.js";

/** Hands out what a step that is over has made, or why not, lookup by lookup, and frees what it held. */
export function finishStep(context: StepContext, step: Step): void {
  const failed = stageError(context, step);
  for (let p = 0; p < step.pieces.length; p += 1) {
    const { lookup } = step.pieces[p];
    if (lookup.settled) continue;
    // A bad index comes first: it is the lookup's own fault, whatever a stage made of it.
    const error = lowestIndexError(context, step, p) ?? failed;
    if (error !== undefined) lookup.reject(error);
    else {
      try {
        deliver(context, step.pieces[p], step.buffer);
      } catch (cause) {
        const why = `the result could not be handed over: ${String(cause)}`;
        lookup.reject(new EmbeddingError("EMBEDDING_MEMORY_LIMIT", why, { cause }));
      }
    }
  }
  context.allocator.free(step.blockPtr);
  step.buffer.letGo();
}

/** What the lowest rank left whose stage failed in this step. */
function stageError({ views, map, ranks }: StepContext, step: Step): EmbeddingError | undefined {
  const slot = step.step & (map.windows - 1);
  const failed = views.words[(map.stepsPtr + slot * STEP.BYTES + STEP.STAGE_FAILED) / 4];
  if (failed === 0) return undefined;
  const ptr = map.stageErrorsPtr + (slot * ranks + failed - 1) * STAGE_ERROR_BYTES;
  const text = new TextDecoder().decode(views.bytes.slice(ptr, ptr + STAGE_ERROR_BYTES));
  return fromRecord(JSON.parse(text.slice(0, text.indexOf("\0"))) as ErrorRecord);
}

/** The lowest bad index of a piece over all ranks, if there is one. */
function lowestIndexError({ views, ranks }: StepContext, step: Step, p: number): EmbeddingError | undefined {
  const word = (ptr: number, field: number): number => views.words[(ptr + field) / 4];
  const below = (a: number, b: number): boolean => {
    const slots = word(a, LAYOUT.ERROR_SLOT) - word(b, LAYOUT.ERROR_SLOT);
    return slots < 0 || (slots === 0 && word(a, LAYOUT.ERROR_POSITION) < word(b, LAYOUT.ERROR_POSITION));
  };
  let lowest: number | undefined;
  for (let rank = 0; rank < ranks; rank += 1) {
    const ptr = step.errorsPtr + (rank * step.pieces.length + p) * LAYOUT.ERROR_BYTES;
    if (word(ptr, LAYOUT.ERROR_STATUS) === LAYOUT.STATUS_OK) continue;
    if (lowest === undefined || below(ptr, lowest)) lowest = ptr;
  }
  if (lowest === undefined) return undefined;
  return indexError(step.pieces[p].piece, views.words, lowest, step.pieces[p].offsetsPtr);
}

/** A view where one may be handed out, else a copy: to `out`, or to an array of the caller's own, which grows piece by piece. */
function deliver(context: StepContext, { lookup, piece, resultPtr }: Placed, buffer: ResultBuffer): void {
  const { views, results } = context;
  const { batch, out } = lookup;
  const shape = context.shape ?? batch.picks;
  const placed = { first: piece.first, count: piece.count, ptr: resultPtr };
  const lease = piece.whole && out === undefined ? results.lease(buffer) : undefined;
  if (lease !== undefined) {
    const rows = viewRows(batch, shape, views.floats, placed);
    const token = results.watch(lease, [rows.values, ...rows.jagged]);
    lookup.resolve(new FinishedLookup(batch, resultParts(batch, shape, rows.values, rows.jagged), lease, token));
    return;
  }
  lookup.gathered ??= new GatheredRows(batch, shape, out);
  lookup.gathered.put(views.floats, placed);
  if (lookup.gathered.samples < batch.batchSize) return;
  lookup.resolve(new FinishedLookup(batch, resultParts(batch, shape, lookup.gathered.values, lookup.gathered.jagged)));
}
