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
  /** The bound in force. May be raised and lowered between acts, up to what the windows are laid out for: a lower one refuses what a higher one would have allowed, and takes nothing back. */
  lagBound: number;
  /** Steps whose messages this rank has written. */
  written: number;
  /** Steps for which every source has published to this rank. */
  completed: number;
  /** Steps that this rank is done with. */
  released: number;
  /** Receiver of the publish that mayPublish() found. */
  peer = 0;

  /** start: the value that Counters.reset was given. */
  constructor(counters: Counters, rank: number, lagBound: number, start: number) {
    this.#counters = counters;
    this.#rank = rank;
    this.lagBound = lagBound;
    this.written = start | 0;
    this.completed = start | 0;
    this.released = start | 0;
  }

  /** Notes completions: true when the oldest unreleased step is complete. */
  hasComplete(): boolean {
    while (distance(this.written, this.completed) > 0 && this.#isComplete(this.completed)) this.completed = (this.completed + 1) | 0;
    return distance(this.completed, this.released) > 0;
  }

  /**
   * The next act. Order: a complete step that is quick to finish, then what others may wait for (withheld publishes, the next
   * write), then the complete step that runs user code: what is withheld stalls others. User code that only has to be started, for it goes on
   * elsewhere, comes before the write: else both would take their time one after the other.
   *
   * quickFinish: finishing step `released` runs no user code. busy: a finish is still under way, do not start another. startsOnly: user code
   * promises, and leaves this thread alone meanwhile.
   */
  next(quickFinish: boolean, busy: boolean, startsOnly = false): ActCode {
    const finishable = !busy && this.hasComplete();
    if (finishable && quickFinish) return Act.finish;
    if (this.#findPeer(this.#mostPublished())) return Act.publish;
    if (finishable && startsOnly) return Act.finish;
    if (this.#isRequested() && this.mayWrite()) return Act.write;
    return finishable ? Act.finish : Act.idle;
  }

  /** Step `written` is in the windows of all receivers. */
  wrote(): void {
    this.written = (this.written + 1) | 0;
  }

  /** Whether a written step may be published to some receiver, which becomes `peer`. */
  mayPublish(): boolean {
    return this.#findPeer(this.written);
  }

  /** Whether credit allows to write step `written`, asked for or not. */
  mayWrite(): boolean {
    return this.hasCredit(this.written);
  }

  /** Publishes the next step to `peer`, as mayPublish() allowed, and wakes it. */
  publish(): void {
    // This rank alone writes its row of `published`, so what it reads there is what it last stored.
    const steps = (this.#counters.published(this.#rank, this.peer) + 1) | 0;
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

  /**
   * Steps that next() publishes at most: none that is more than lagBound ahead of this rank's own release. Else a rank that is about to
   * run its stage would hand the next step out, and lag bound 0 would not be synchronous.
   */
  #mostPublished(): number {
    const ahead = this.lagBound + 1;
    return distance(this.written, this.released) > ahead ? (this.released + ahead) | 0 : this.written;
  }

  /** Whether every receiver has room for a step. */
  protected hasCredit(step: number): boolean {
    for (let receiver = 0; receiver < this.#counters.ranks; receiver += 1) {
      if (distance(step, this.#counters.released(receiver)) > this.lagBound + 1) return false;
    }
    return true;
  }

  /** A receiver that a step before `most` may be published to becomes `peer`. */
  #findPeer(most: number): boolean {
    const { ranks } = this.#counters;
    for (let n = 1; n <= ranks; n += 1) {
      const peer = (this.#rank + n) % ranks;
      const step = this.#counters.published(this.#rank, peer);
      if (distance(most, step) > 0 && distance(step, this.#counters.released(peer)) <= this.lagBound) {
        this.peer = peer;
        return true;
      }
    }
    return false;
  }

  #isComplete(step: number): boolean {
    for (let source = 0; source < this.#counters.ranks; source += 1) {
      if (distance(this.#counters.published(source, this.#rank), step) <= 0) return false;
    }
    return true;
  }

  #isRequested(): boolean {
    return distance(this.#counters.requested(), this.written) > 0;
  }
}
