import type { Contender } from "../engine/contenders.js";
import type { Workload } from "../workloads/workload.js";

/** What a peer is started with. */
export interface PeerContext {
  /** Same tables, other batches; see Peer.contenders. */
  workloads: readonly Workload[];
  /** The tables' rows; not to be written. They may lie on SharedArrayBuffers. */
  rows: readonly Float32Array[];
  /** What writeDataFile wrote of the workloads. */
  dataFile: string;
  /** For files of its own. */
  folder: string;
  /** Threads that it may compute with. */
  threads: number;
  say: (line: string) => void;
}

/** Another way to look up embedding bags, started on the tables of one group. */
export interface Peer {
  /** Its contender on workload number `set` of those that it was started with; a run is the whole rotation. */
  contender(workload: Workload, set: number): Promise<Contender>;
  /** Ends what it has started. */
  close(): Promise<void>;
}

/** A peer that cannot be had here, or cannot do this workload: it is left out, and the message says why. */
export class Unavailable extends Error {
  override name = "Unavailable";
}

/** Bytes of an array; a copy where they lie on a SharedArrayBuffer, which most libraries do not take. */
export function plainBytes(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = values;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
}

/** The bag size of every table, for peers that want indices as [batch, bag size]. @throws Unavailable when bags of a table differ in size */
export function fixedBagSizes(workloads: readonly Workload[]): readonly number[] {
  for (const { bagSizes, batches } of workloads) {
    for (const { batchSize, offsets } of batches) {
      for (let bag = 0; bag + 1 < offsets.length; bag += 1) {
        if (offsets[bag + 1] - offsets[bag] !== bagSizes[Math.floor(bag / batchSize)])
          throw new Unavailable("bags of a table differ in size");
      }
    }
  }
  return workloads[0].bagSizes;
}
