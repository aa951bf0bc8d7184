import { type Counters, distance } from "../collective/counters.js";
import { findUnreleased } from "../collective/stall.js";
import { EmbeddingError } from "../errors.js";
import type { Dispatcher } from "./dispatch.js";
import type { Lookup } from "./lookup.js";

/** The error of a lookup whose deadline has passed: what it waits for, and which rank holds that up. */
export function timeoutError(lookup: Lookup, { counters, dispatcher }: { counters: Counters; dispatcher: Dispatcher }): EmbeddingError {
  const took = `the lookup took more than ${lookup.timeoutMs} ms`;
  const details = { got: Math.round(performance.now() - lookup.deadlineMs + lookup.timeoutMs), expected: lookup.timeoutMs };
  const { oldest } = dispatcher;
  if (oldest === undefined) return new EmbeddingError("EMBEDDING_TIMEOUT", `${took}; no step is under way`, details);
  const where = lookup.step === undefined ? `it waits behind ${dispatcher.queued - 1} others for a step` : `it is in step ${lookup.step}`;
  const late = Array.from({ length: counters.ranks }, (_, rank) => rank).find(
    (rank) => distance(counters.released(rank), oldest.step) <= 0,
  );
  if (late === undefined) return new EmbeddingError("EMBEDDING_TIMEOUT", `${took}: ${where}; step ${oldest.ordinal} is just over`, details);
  const ordinal = (step: number): number => oldest.ordinal + distance(step, oldest.step);
  const { rank, text } = findUnreleased({ counters, lagBound: counters.lagBound(), ordinal }, late);
  const place = { rank, step: oldest.ordinal, ...(rank === late ? {} : { peer: late }) };
  return new EmbeddingError("EMBEDDING_TIMEOUT", `${took}: ${where}; ${text}`, { ...details, ...place });
}
