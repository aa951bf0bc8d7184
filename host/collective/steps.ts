import { type Counters, distance } from "./counters.js";

/** What a rank does next. */
export const Act = {
  /** Nothing until a doorbell rings. */
  idle: 0,
  /** Write step `written` into the receivers' windows; then call wrote(). */
  write: 1,
  /** Publish step published(peer) to `peer`: call publish(). */
  publish: 2,
  /** Reduce, run the stage of, and put in place step `released`; then call release(). */
  finish: 3,
} as const;

/** One of the values of Act. */
export type ActCode = (typeof Act)[keyof typeof Act];

/**
 * The bounded lag synchronous alltoallv as one rank sees it: which act is allowed, and in which order acts are taken. Nothing
 * here waits, reads a clock or touches data, so the model checker of test/collective runs these very lines.
 *
 *     reserve   write step t          when for every receiver j   t - released[j] <= lagBound + 1
 *     publish   step t to j           when                        t - released[j] <= lagBound
 *     complete  step t                when for every source i     published[i][me] > t
 *     release   step t                when its slice is final
 *
 * A step counts as published when every receiver has it; then max(published) - min(released) <= lagBound + 1 over all ranks,
 * and published[i][j] - released[j] <= lagBound + 1 for every pair.
 *
 * Counters only grow, so an act that is allowed stays allowed until it is taken: reading them one after the other is safe.
 */
export class RankSteps {
  readonly #counters: Counters;
  readonly #rank: number;
  readonly #lagBound: number;
  readonly #published: Int32Array;
  /** Steps whose messages this rank has written. */
  written: number;
  /** Steps for which every source has published to this rank. */
  completed: number;
  /** Steps that this rank is done with. */
  released: number;
  /** Receiver of the publish that next() asked for. */
  peer = 0;

  /** start: the value that Counters.reset was given. */
  constructor(counters: Counters, rank: number, lagBound: number, start: number) {
    this.#counters = counters;
    this.#rank = rank;
    this.#lagBound = lagBound;
    this.#published = new Int32Array(counters.ranks).fill(start);
    this.written = start | 0;
    this.completed = start | 0;
    this.released = start | 0;
  }

  /** Steps published to `peer`. */
  published(peer: number): number {
    return this.#published[peer];
  }

  /** Notes completions: true when the oldest unreleased step is complete. */
  hasComplete(): boolean {
    while (distance(this.written, this.completed) > 0 && this.#isComplete(this.completed)) this.completed = (this.completed + 1) | 0;
    return distance(this.completed, this.released) > 0;
  }

  /**
   * The next act. Order: a complete step that is quick to finish, then what others may wait for (withheld publishes, the next
   * write), then the complete step that runs user code: what is withheld stalls others.
   *
   * quickFinish: finishing step `released` runs no user code. busy: a finish is still under way, do not start another.
   */
  next(quickFinish: boolean, busy: boolean): ActCode {
    const finishable = !busy && this.hasComplete();
    if (finishable && quickFinish) return Act.finish;
    if (this.#canPublish()) return Act.publish;
    if (this.#canWrite()) return Act.write;
    return finishable ? Act.finish : Act.idle;
  }

  /** Step `written` is in the windows of all receivers. */
  wrote(): void {
    this.written = (this.written + 1) | 0;
  }

  /** Publishes the next step to `peer`, as next() allowed, and wakes it. */
  publish(): void {
    const steps = (this.#published[this.peer] + 1) | 0;
    this.#published[this.peer] = steps;
    this.#counters.setPublished(this.#rank, this.peer, steps);
    this.#counters.ring(this.peer);
  }

  /** Step `released` is final: gives its window back and wakes all sources. Returns true when no rank is behind, i.e. the step is over. */
  release(): boolean {
    const step = this.released;
    this.released = (step + 1) | 0;
    this.#counters.setReleased(this.#rank, this.released);
    let over = true;
    for (let rank = 0; rank < this.#counters.ranks; rank += 1) {
      if (rank === this.#rank) continue;
      this.#counters.ring(rank);
      over &&= distance(this.#counters.released(rank), step) > 0;
    }
    return over;
  }

  #isComplete(step: number): boolean {
    for (let source = 0; source < this.#counters.ranks; source += 1) {
      if (distance(this.#counters.published(source, this.#rank), step) <= 0) return false;
    }
    return true;
  }

  #canPublish(): boolean {
    const { ranks } = this.#counters;
    for (let n = 1; n <= ranks; n += 1) {
      const peer = (this.#rank + n) % ranks;
      const step = this.#published[peer];
      if (distance(this.written, step) > 0 && distance(step, this.#counters.released(peer)) <= this.#lagBound) {
        this.peer = peer;
        return true;
      }
    }
    return false;
  }

  #canWrite(): boolean {
    if (distance(this.#counters.requested(), this.written) <= 0) return false;
    for (let receiver = 0; receiver < this.#counters.ranks; receiver += 1) {
      if (distance(this.written, this.#counters.released(receiver)) > this.#lagBound + 1) return false;
    }
    return true;
  }
}
