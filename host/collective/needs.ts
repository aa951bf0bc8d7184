import { EmbeddingError } from "../errors.js";
import type { Area } from "./area.js";
import { distance } from "./counters.js";
import { Standing } from "./presence.js";
import { type Culprit, findCulprit, findUnreleased, type StallContext } from "./stall.js";
import type { RankSteps } from "./steps.js";
import type { Wish } from "./waits.js";

/** A wait whose deadline has passed. */
interface LateWait {
  /** What the rank was about to do, with step `ordinal`. */
  act: string;
  ordinal: number;
  culprit: Culprit | undefined;
}

/**
 * What one rank of an Alltoallv may wait for: when it is granted, when it never will be, and the error of a deadline. Every look hands
 * over withheld messages first, so a rank that waits for one thing never holds up another.
 */
export class RankNeeds {
  /** Steps that this rank has published, some of them withheld. A plain number: the counters wrap. */
  sent = 0;
  /** Steps that this rank has released. */
  received = 0;
  /** Whether the rank has left, or is about to: then only delivery is granted. */
  closed = false;
  readonly #area: Area;
  readonly #steps: RankSteps;
  readonly #rank: number;
  readonly #stall: StallContext;

  constructor(area: Area, steps: RankSteps, rank: number) {
    this.#area = area;
    this.#steps = steps;
    this.#rank = rank;
    const { counters, lagBound } = area;
    this.#stall = { counters, lagBound, ordinal: (step) => this.received + distance(step, steps.released) };
  }

  /** Leave to write the next step. */
  readonly credit: Wish = {
    isGranted: () => {
      const { counters, lagBound } = this.#area;
      return this.#look(
        this.sent,
        () => this.#steps.mayWrite(),
        (peer) => distance(this.#steps.written, counters.released(peer)) > lagBound + 1,
      );
    },
    late: (waitedMs, timeoutMs) => {
      const culprit = findCulprit(this.#stall, { rank: this.#rank, step: this.#steps.written, wants: "credit" });
      return this.#lateError({ act: "reserve", ordinal: this.sent, culprit }, waitedMs, timeoutMs);
    },
  };

  /** All messages of the oldest step. */
  readonly messages: Wish = {
    isGranted: () => {
      const { counters } = this.#area;
      return this.#look(
        this.received,
        () => this.#steps.hasComplete(),
        (peer) => distance(counters.published(peer, this.#rank), this.#steps.released) <= 0,
      );
    },
    late: (waitedMs, timeoutMs) => {
      const culprit = findCulprit(this.#stall, { rank: this.#rank, step: this.#steps.released, wants: "messages" });
      return this.#lateError({ act: "receive", ordinal: this.received, culprit }, waitedMs, timeoutMs);
    },
  };

  /** That every message is handed over to the ranks that are left, but this one. After an abort nobody waits for messages. */
  readonly delivery: Wish = {
    isGranted: () => this.progress() === undefined || this.#area.presence.isAborted(),
    late: (waitedMs, timeoutMs) => {
      const peer = this.progress() ?? this.#rank;
      const ordinal = this.#stall.ordinal(this.#area.counters.published(this.#rank, peer));
      return this.#lateError({ act: "hand over", ordinal, culprit: findUnreleased(this.#stall, peer) }, waitedMs, timeoutMs);
    },
  };

  /** Hands over withheld messages as far as credit allows. Returns another rank from which one is still withheld, if there is one that has not left. */
  progress(): number | undefined {
    const { counters, presence, ranks } = this.#area;
    while (this.#steps.mayPublish()) this.#steps.publish();
    for (let peer = 0; peer < ranks; peer += 1) {
      const isWithheld = distance(this.#steps.written, counters.published(this.#rank, peer)) > 0;
      if (isWithheld && peer !== this.#rank && !presence.hasLeft(peer)) return peer;
    }
    return undefined;
  }

  /** @throws EmbeddingError EMBEDDING_CLOSED */
  checkOpen(): void {
    if (this.closed) throw new EmbeddingError("EMBEDDING_CLOSED", `rank ${this.#rank} has closed its collective`, { rank: this.#rank });
  }

  /** Whether what step `ordinal` needs is there. Throws when it needs something of a rank that has left. */
  #look(ordinal: number, isThere: () => boolean, isMissing: (peer: number) => boolean): boolean {
    const { presence, ranks } = this.#area;
    this.checkOpen();
    this.progress();
    if (isThere()) return true;
    for (let peer = 0; peer < ranks; peer += 1) {
      // First the standing, then the counters: what a rank did before it left is seen then.
      const standing = presence.of(peer);
      if (standing === Standing.aborted || (standing === Standing.closed && isMissing(peer))) {
        const how = standing === Standing.aborted ? "has aborted" : `has closed its collective before step ${ordinal} was over`;
        throw new EmbeddingError("EMBEDDING_RANK_LOST", `rank ${peer} ${how}; rank ${this.#rank} is at step ${ordinal}`, {
          rank: peer,
          step: ordinal,
        });
      }
    }
    return false;
  }

  #lateError({ act, ordinal, culprit }: LateWait, waitedMs: number, timeoutMs: number): EmbeddingError {
    const missing =
      culprit !== undefined && this.#area.presence.of(culprit.rank) === Standing.awaited
        ? ` (nobody has attached as rank ${culprit.rank})`
        : "";
    return new EmbeddingError(
      "EMBEDDING_TIMEOUT",
      `rank ${this.#rank} could not ${act} step ${ordinal} within ${timeoutMs} ms: ${culprit?.text ?? "by now it can"}${missing}`,
      {
        got: Math.round(waitedMs),
        expected: timeoutMs,
        rank: this.#rank,
        step: ordinal,
        ...(culprit === undefined ? {} : { peer: culprit.rank }),
      },
    );
  }
}
