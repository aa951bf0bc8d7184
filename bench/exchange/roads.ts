/** Three ways for threads to swap messages, each a step at a time; they write and check the same bytes. */
import type { MessagePort } from "node:worker_threads";
import { Alltoallv, type AlltoallvShared } from "lagbag";
import type { Messages } from "./messages.js";

/** Longest wait for a peer. */
const WAIT_MS = 30_000;

/** What a rank needs to take part. */
export interface RoadContext {
  rank: number;
  ranks: number;
  bytes: number;
  messages: Messages;
}

/** A way to swap messages, as one rank has it. */
export interface Road {
  /** Takes part in some steps, the last one's messages included. `first`: number of the first, as all ranks count. */
  run(steps: Steps): void | Promise<void>;
  close(): void;
}

export interface Steps {
  first: number;
  count: number;
  /** Check every byte, not just the ends of messages. */
  all: boolean;
  /** Called when this rank is done with a step. */
  onStep: () => void;
}

/** What each kind of road is made of: plain data, but for the ports. */
export type RoadPlan =
  | { kind: "alltoallv"; shared: AlltoallvShared }
  | { kind: "ports"; ports: (MessagePort | undefined)[] }
  | { kind: "barrier"; buffer: SharedArrayBuffer };

export function openRoad(plan: RoadPlan, context: RoadContext): Road {
  switch (plan.kind) {
    case "alltoallv":
      return new AlltoallvRoad(plan.shared, context);
    case "ports":
      return new PortsRoad(plan.ports, context);
    case "barrier":
      return new BarrierRoad(plan.buffer, context);
  }
}

/** lagbag's collective, as its own example uses it: a rank sends lagBound steps ahead of what it receives. */
class AlltoallvRoad implements Road {
  readonly #collective: Alltoallv;
  readonly #context: RoadContext;

  constructor(shared: AlltoallvShared, context: RoadContext) {
    this.#collective = Alltoallv.attach(shared, context.rank);
    this.#context = context;
  }

  run({ first, count, all, onStep }: Steps): void {
    const { ranks, messages } = this.#context;
    const { lagBound } = this.#collective;
    const options = { timeoutMs: WAIT_MS };
    const lengths = new Uint32Array(ranks);
    for (let turn = 0; turn < count + lagBound; turn += 1) {
      if (turn < count) {
        const send = this.#collective.reserveSync(options);
        for (let receiver = 0; receiver < ranks; receiver += 1)
          lengths[receiver] = messages.write(send.segment(receiver), first + turn, receiver);
        send.publish(lengths);
      }
      if (turn < lagBound) continue;
      const received = this.#collective.receiveSync(options);
      for (let source = 0; source < ranks; source += 1)
        messages.check(received.segment(source), { step: first + turn - lagBound, source, all });
      received.release();
      onStep();
    }
  }

  close(): void {
    this.#collective.closeSync();
  }
}

/** postMessage over a MessageChannel for each pair of ranks, buffers transferred: what Node offers. A rank's message to itself stays where it is. */
class PortsRoad implements Road {
  readonly #ports: readonly (MessagePort | undefined)[];
  readonly #context: RoadContext;
  /** Messages that have come, oldest first, by source; their buffers carry the next messages back. */
  readonly #inbox: Uint8Array<ArrayBuffer>[][];
  readonly #spare: Uint8Array<ArrayBuffer>[][];
  #arrived: (() => void) | undefined;

  constructor(ports: readonly (MessagePort | undefined)[], context: RoadContext) {
    this.#ports = ports;
    this.#context = context;
    this.#inbox = ports.map(() => []);
    this.#spare = ports.map(() => []);
    for (const [source, port] of ports.entries()) {
      port?.on("message", (message: Uint8Array<ArrayBuffer>) => {
        this.#inbox[source].push(message);
        this.#arrived?.();
      });
    }
  }

  async run({ first, count, all, onStep }: Steps): Promise<void> {
    const { rank, ranks, bytes, messages } = this.#context;
    for (let step = first; step < first + count; step += 1) {
      for (let receiver = 0; receiver < ranks; receiver += 1) {
        const message = this.#spare[receiver].pop() ?? new Uint8Array(bytes);
        messages.write(message, step, receiver);
        if (receiver === rank) this.#inbox[rank].push(message);
        else this.#ports[receiver]?.postMessage(message, [message.buffer]);
      }
      while (this.#inbox.some(({ length }) => length === 0)) {
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
      for (let source = 0; source < ranks; source += 1) {
        const message = this.#inbox[source].shift();
        if (message === undefined) throw new Error(`rank ${rank}, step ${step}: no message of rank ${source}`);
        messages.check(message, { step, source, all });
        this.#spare[source].push(message);
      }
      onStep();
    }
  }

  close(): void {
    for (const port of this.#ports) port?.close();
  }
}

/**
 * The plain synchronous exchange over shared memory: write, wait at a barrier for all, read. Two windows in turns, so that one barrier a step is
 * enough.
 *
 *     0  ranks that have come   4  turns of the barrier   64  [window][receiver][source] messages
 */
class BarrierRoad implements Road {
  readonly #words: Int32Array;
  readonly #segments: Uint8Array[][][];
  readonly #context: RoadContext;

  static byteLength(ranks: number, bytes: number): number {
    return 64 + 2 * ranks * ranks * bytes;
  }

  constructor(buffer: SharedArrayBuffer, context: RoadContext) {
    const { ranks, bytes } = context;
    this.#context = context;
    this.#words = new Int32Array(buffer, 0, 2);
    const all = Array.from({ length: ranks }, (_, n) => n);
    this.#segments = [0, 1].map((window) =>
      all.map((receiver) =>
        all.map((source) => new Uint8Array(buffer, 64 + ((window * ranks + receiver) * ranks + source) * bytes, bytes)),
      ),
    );
  }

  run({ first, count, all, onStep }: Steps): void {
    const { rank, ranks, messages } = this.#context;
    for (let step = first; step < first + count; step += 1) {
      const window = this.#segments[step & 1];
      for (let receiver = 0; receiver < ranks; receiver += 1) messages.write(window[receiver][rank], step, receiver);
      this.#meet(step);
      for (let source = 0; source < ranks; source += 1) messages.check(window[rank][source], { step, source, all });
      onStep();
    }
  }

  /** The last rank to come counts up the turns and wakes the others. */
  #meet(step: number): void {
    const { rank, ranks } = this.#context;
    const turn = Atomics.load(this.#words, 1);
    if (Atomics.add(this.#words, 0, 1) === ranks - 1) {
      Atomics.store(this.#words, 0, 0);
      Atomics.add(this.#words, 1, 1);
      Atomics.notify(this.#words, 1);
      return;
    }
    while (Atomics.load(this.#words, 1) === turn) {
      if (Atomics.wait(this.#words, 1, turn, WAIT_MS) === "timed-out") throw new Error(`rank ${rank}, step ${step}: a peer never came`);
    }
  }

  close(): void {}
}

/** Bytes of the shared memory of a barrier exchange. */
export function barrierBytes(ranks: number, bytes: number): number {
  return BarrierRoad.byteLength(ranks, bytes);
}
