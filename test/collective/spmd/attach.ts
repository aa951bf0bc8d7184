import { Alltoallv, type AlltoallvOptions } from "lagbag";
import { Area } from "#host/collective/area.js";
import type { Counters } from "#host/collective/counters.js";

/** A collective with all its ranks on this thread, and a look at its counters. */
export interface Attached {
  ranks: Alltoallv[];
  counters: Counters;
}

/** Attaches all ranks here. segmentBytes: default 256. */
export function attachAll(options: Omit<AlltoallvOptions, "segmentBytes"> & Partial<AlltoallvOptions>): Attached {
  const shared = Alltoallv.allocate({ segmentBytes: 256, ...options });
  return { ranks: Array.from({ length: shared.ranks }, (_, rank) => Alltoallv.attach(shared, rank)), counters: new Area(shared).counters };
}

/** Publishes empty messages. */
export function sendNothing(collective: Alltoallv): void {
  collective.reserveSync({ timeoutMs: 0 }).publish(new Uint32Array(collective.ranks));
}

/** Receives what is there and lets it go; returns its step. */
export function receiveNow(collective: Alltoallv): number {
  const received = collective.receiveSync({ timeoutMs: 0 });
  received.release();
  return received.step;
}
