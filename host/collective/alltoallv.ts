import { EmbeddingError } from "../errors.js";
import { type AlltoallvOptions, type AlltoallvShared, Area, integerOption } from "./area.js";
import { Doorbell, spinsFor } from "./doorbell.js";
import { type ReceivedStep, type SendStep, StepToReceive, StepToSend } from "./messages.js";
import { RankNeeds } from "./needs.js";
import { Standing } from "./presence.js";
import { Seat } from "./seat.js";
import { RankSteps } from "./steps.js";
import { timeoutOf, type WaitOptions, Waits } from "./waits.js";

/**
 * An alltoallv whose lag is bounded: in every step, every rank sends a message of its own to every rank, itself included, and a rank
 * may be up to lagBound steps late before the fastest have to wait. With lagBound 0 it is the synchronous alltoallv.
 *
 * allocate() makes the memory; post the object it returns to as many threads as there are ranks, and attach() there, each as another
 * rank. Then each rank does for step 0, 1, 2, ..., in its own time:
 *
 *     reserve -> write segments -> publish         at most lagBound + 2 steps ahead of its own release
 *     receive -> read segments  -> release         one step at a time, in order
 *
 * Who receives each step right after publishing it waits for the slowest rank in every step, whatever the bound. A rank lets others lag
 * by sending ahead, as in the example. A published message whose receiver lags is withheld, and every later call of the sender (of any kind, also
 * while it waits in one) hands over what has become possible; a rank that computes for long may call progress() now and then.
 *
 * Threads: an Alltoallv belongs to the thread that attached it. Calls ending in Sync block the thread, the others let the event loop
 * go on; a loop that sends and one that receives may run side by side on one thread with those.
 * Memory: segments are views of shared memory, valid as said at SendStep and ReceivedStep; nothing is copied.
 * Errors: EmbeddingError. EMBEDDING_PROTOCOL, EMBEDDING_OPTIONS and EMBEDDING_TIMEOUT change nothing, the call may be made again.
 * EMBEDDING_RANK_LOST (`rank` has left and will not do what was waited for) and EMBEDDING_CLOSED do not go away. In EMBEDDING_TIMEOUT
 * `rank` is the rank that waited, `step` the step it waited with, `peer` the rank that holds it up, over however many others.
 *
 * @example
 * // main thread
 * const shared = Alltoallv.allocate({ ranks: 4, lagBound: 2, segmentBytes: 65_536 });
 * for (let rank = 0; rank < 4; rank += 1) new Worker(new URL("./rank.js", import.meta.url), { workerData: { shared, rank } });
 *
 * // rank.js: sends lagBound steps ahead of what it receives
 * const collective = Alltoallv.attach(workerData.shared, workerData.rank);
 * const { lagBound } = collective;
 * for (let step = 0; step < STEPS + lagBound; step += 1) {
 *   if (step < STEPS) {
 *     const send = collective.reserveSync();
 *     send.publish(peers.map((receiver) => pack(step, send.segment(receiver)))); // pack returns the bytes that it wrote
 *   }
 *   if (step >= lagBound) {
 *     const received = collective.receiveSync();
 *     for (const source of peers) unpack(received.segment(source));
 *     received.release();
 *   }
 * }
 * collective.closeSync();
 */
export class Alltoallv {
  readonly rank: number;
  readonly ranks: number;
  readonly lagBound: number;
  readonly #area: Area;
  readonly #steps: RankSteps;
  readonly #needs: RankNeeds;
  readonly #waits: Waits;
  readonly #send: Seat<SendStep>;
  readonly #receive: Seat<ReceivedStep>;

  /**
   * Makes the memory of a collective. The object may be cloned to any thread; its memory lives as long as any thread holds it.
   * @throws EmbeddingError EMBEDDING_OPTIONS; EMBEDDING_MEMORY_LIMIT with the bytes that were needed
   */
  static allocate(options: AlltoallvOptions): AlltoallvShared {
    return Area.allocate(options);
  }

  /**
   * Becomes rank `rank` (0 to ranks - 1) of a collective. Each rank can be attached once.
   * @throws EmbeddingError EMBEDDING_OPTIONS; EMBEDDING_PROTOCOL when somebody is, or has been, that rank
   */
  static attach(shared: AlltoallvShared, rank: number): Alltoallv {
    const area = new Area(shared);
    integerOption("rank", rank, 0, area.ranks - 1);
    if (!area.presence.attach(rank)) {
      throw new EmbeddingError("EMBEDDING_PROTOCOL", `rank ${rank} is attached already`, {
        rank,
        got: "a second attach",
        expected: "one attach for each rank",
      });
    }
    return new Alltoallv(area, rank);
  }

  private constructor(area: Area, rank: number) {
    this.rank = rank;
    this.ranks = area.ranks;
    this.lagBound = area.lagBound;
    this.#area = area;
    this.#steps = new RankSteps(area.counters, rank, area.lagBound, area.counterStart);
    this.#needs = new RankNeeds(area, this.#steps, rank);
    this.#waits = new Waits(new Doorbell(area.counters, rank, spinsFor(area.ranks)));
    this.#send = new Seat({ rank, act: "reserve", heldAs: "reserved and not published" });
    this.#receive = new Seat({ rank, act: "receive", heldAs: "received and not released" });
  }

  /**
   * Waits until the next step may be written: until every rank has released the step lagBound + 2 before it.
   * @throws EmbeddingError EMBEDDING_PROTOCOL when the last reserved step is not published; EMBEDDING_TIMEOUT, EMBEDDING_RANK_LOST,
   * EMBEDDING_CLOSED, EMBEDDING_OPTIONS
   */
  async reserve(options: WaitOptions = {}): Promise<SendStep> {
    const timeoutMs = this.#begin(this.#send, options);
    try {
      await this.#waits.async(this.#needs.credit, timeoutMs);
      return this.#openSend();
    } finally {
      this.#end(this.#send);
    }
  }

  /** As reserve(), but blocks the thread. EMBEDDING_PROTOCOL also when this rank has to release a step first: nobody else could end the wait. */
  reserveSync(options: WaitOptions = {}): SendStep {
    const timeoutMs = this.#begin(this.#send, options);
    try {
      const ahead = this.#needs.sent - this.#needs.received;
      if (ahead > this.lagBound + 1) {
        throw this.#send.orderError(
          `reserveSync ${ahead} steps ahead of the last release`,
          `at most ${this.lagBound + 1}: receive and release first`,
        );
      }
      this.#waits.blocking(this.#needs.credit, timeoutMs);
      return this.#openSend();
    } finally {
      this.#end(this.#send);
    }
  }

  /**
   * Waits until every rank, this one included, has published the oldest step that was not received yet.
   * @throws EmbeddingError EMBEDDING_PROTOCOL when the last received step is not released; EMBEDDING_TIMEOUT, EMBEDDING_RANK_LOST,
   * EMBEDDING_CLOSED, EMBEDDING_OPTIONS
   */
  async receive(options: WaitOptions = {}): Promise<ReceivedStep> {
    const timeoutMs = this.#begin(this.#receive, options);
    try {
      await this.#waits.async(this.#needs.messages, timeoutMs);
      return this.#openReceive();
    } finally {
      this.#end(this.#receive);
    }
  }

  /** As receive(), but blocks the thread. EMBEDDING_PROTOCOL also when this rank has not published that step itself. */
  receiveSync(options: WaitOptions = {}): ReceivedStep {
    const timeoutMs = this.#begin(this.#receive, options);
    try {
      const { sent, received } = this.#needs;
      if (sent === received)
        throw this.#receive.orderError(`receiveSync of step ${received}, which this rank has not published`, "publish first");
      this.#waits.blocking(this.#needs.messages, timeoutMs);
      return this.#openReceive();
    } finally {
      this.#end(this.#receive);
    }
  }

  /** Whether a reserve would be granted at once. Never waits. */
  canReserve(): boolean {
    this.#needs.progress();
    return this.#steps.mayWrite();
  }

  /** Whether a receive would be granted at once. Never waits. */
  canReceive(): boolean {
    this.#needs.progress();
    return this.#steps.hasComplete();
  }

  /** Hands over what was withheld as far as credit allows now. True when nothing is withheld from other ranks any more. Never waits. */
  progress(): boolean {
    return this.#needs.progress() === undefined;
  }

  /**
   * Leaves in good order: waits until all that was published is handed over to the ranks that are still there, then tells them. A peer
   * that needs more of this rank - a message, or credit - fails with EMBEDDING_RANK_LOST at once. A reserved step is dropped, calls of this rank
   * that wait fail with EMBEDDING_CLOSED. Every rank has to close, or its last messages may stay withheld. After close() or abort() it does nothing.
   * @throws EmbeddingError EMBEDDING_OPTIONS; EMBEDDING_TIMEOUT: the rank has left all the same, and `step` is the first that was not handed over
   */
  async close(options: WaitOptions = {}): Promise<void> {
    const timeoutMs = timeoutOf(options);
    if (!this.#beginToLeave()) return;
    try {
      await this.#waits.async(this.#needs.delivery, timeoutMs);
    } finally {
      this.#leave(Standing.closed);
    }
  }

  /** As close(), but blocks the thread. */
  closeSync(options: WaitOptions = {}): void {
    const timeoutMs = timeoutOf(options);
    if (!this.#beginToLeave()) return;
    try {
      this.#waits.blocking(this.#needs.delivery, timeoutMs);
    } finally {
      this.#leave(Standing.closed);
    }
  }

  /** Leaves at once, in the middle of anything: every rank that waits, now or later, fails with EMBEDDING_RANK_LOST and this rank's number. After close() it does nothing. */
  abort(): void {
    if (this.#beginToLeave()) this.#leave(Standing.aborted);
  }

  #begin(seat: Seat<SendStep> | Seat<ReceivedStep>, options: WaitOptions): number {
    const timeoutMs = timeoutOf(options);
    this.#needs.checkOpen();
    seat.await();
    return timeoutMs;
  }

  /** A call is over; when it has failed, its seat is free again. */
  #end(seat: Seat<SendStep> | Seat<ReceivedStep>): void {
    if (seat.isAwaited) seat.free();
  }

  #openSend(): SendStep {
    const place = { rank: this.rank, ordinal: this.#needs.sent, step: this.#steps.written };
    const onPublish = (): void => {
      this.#needs.checkOpen();
      this.#send.free();
      this.#needs.sent += 1;
      this.#steps.wrote();
      this.#needs.progress();
    };
    return this.#send.hold(new StepToSend(this.#area, place, onPublish));
  }

  #openReceive(): ReceivedStep {
    const place = { rank: this.rank, ordinal: this.#needs.received, step: this.#steps.released };
    const onRelease = (): void => {
      this.#receive.free();
      if (this.#needs.closed) return;
      this.#needs.received += 1;
      this.#steps.release();
      // A reserve of this rank's own may wait for just that, and the steps ring the others only.
      if (this.#send.isAwaited) this.#area.counters.ring(this.rank);
      this.#needs.progress();
    };
    return this.#receive.hold(new StepToReceive(this.#area, place, onRelease));
  }

  /** False when the rank has left already, or is about to. */
  #beginToLeave(): boolean {
    if (this.#needs.closed) return false;
    this.#needs.closed = true;
    // Its own calls that wait look again, and fail.
    this.#area.counters.ring(this.rank);
    return true;
  }

  #leave(standing: typeof Standing.closed | typeof Standing.aborted): void {
    this.#area.presence.leave(this.rank, standing);
    for (let peer = 0; peer < this.ranks; peer += 1) this.#area.counters.ring(peer);
  }
}
