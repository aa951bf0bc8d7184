import { EmbeddingError } from "../errors.js";
import { type Area, integerOption, optionError } from "./area.js";

/** A step that this rank may write, from reserve() to publish(). */
export interface SendStep {
  /** Counted from 0, alike on all ranks. */
  readonly step: number;
  /**
   * The bytes that the message to a receiver may have, on a 64-byte border of shared memory. Their content is what an earlier step left. To be
   * written until publish(); afterwards they are the receiver's, and writing there corrupts what it reads.
   */
  segment(receiver: number): Uint8Array<SharedArrayBuffer>;
  /**
   * Ends the step: from now on each receiver may see the first lengths[receiver] bytes of its segment, 0 is allowed. Handed over at once where credit allows,
   * else withheld (see Alltoallv). Once a step.
   * @throws EmbeddingError EMBEDDING_OPTIONS (not `ranks` lengths, or one that is not an integer from 0 to the segment's bytes; the step
   * stays open), EMBEDDING_PROTOCOL (published already), EMBEDDING_CLOSED
   */
  publish(lengths: ArrayLike<number>): void;
}

/** A step whose messages are all there, from receive() to release(). */
export interface ReceivedStep {
  /** Counted from 0, alike on all ranks. */
  readonly step: number;
  /** The message of a source, of its true length, on a 64-byte border of shared memory. Valid until release(): later steps come to lie there. */
  segment(source: number): Uint8Array<SharedArrayBuffer>;
  /** Gives the memory back, and the sources credit for a step more. A second time does nothing. */
  release(): void;
}

/** Whose step it is, and which. */
interface StepPlace {
  rank: number;
  /** Counted from 0. */
  ordinal: number;
  /** Value of the wrapping counter. */
  step: number;
}

/** The sender's side of a step. */
export class StepToSend implements SendStep {
  readonly step: number;
  readonly #area: Area;
  readonly #place: StepPlace;
  readonly #onPublish: () => void;
  #published = false;

  /** onPublish publishes; what it throws leaves the step open. */
  constructor(area: Area, place: StepPlace, onPublish: () => void) {
    this.step = place.ordinal;
    this.#area = area;
    this.#place = place;
    this.#onPublish = onPublish;
  }

  segment(receiver: number): Uint8Array<SharedArrayBuffer> {
    this.#checkUnpublished("segment");
    const { rank, step } = this.#place;
    return this.#area.room(rank, integerOption("receiver", receiver, 0, this.#area.ranks - 1), step);
  }

  publish(lengths: ArrayLike<number>): void {
    this.#checkUnpublished("publish");
    const { rank, step } = this.#place;
    const { ranks } = this.#area;
    if (lengths?.length !== ranks) throw optionError("lengths.length", lengths?.length, `${ranks}: one for each receiver`);
    for (let receiver = 0; receiver < ranks; receiver += 1) {
      integerOption(`lengths[${receiver}]`, lengths[receiver], 0, this.#area.capacity(rank, receiver));
    }
    for (let receiver = 0; receiver < ranks; receiver += 1) this.#area.setLength(rank, receiver, step, lengths[receiver]);
    this.#onPublish();
    this.#published = true;
  }

  #checkUnpublished(act: string): void {
    if (!this.#published) return;
    const { rank, ordinal } = this.#place;
    throw new EmbeddingError("EMBEDDING_PROTOCOL", `rank ${rank}: ${act} of step ${ordinal}, which is published already`, {
      rank,
      step: ordinal,
      got: `${act} after publish`,
      expected: "reserve first",
    });
  }
}

/** The receiver's side of a step. */
export class StepToReceive implements ReceivedStep {
  readonly step: number;
  readonly #area: Area;
  readonly #place: StepPlace;
  readonly #onRelease: () => void;
  #released = false;

  constructor(area: Area, place: StepPlace, onRelease: () => void) {
    this.step = place.ordinal;
    this.#area = area;
    this.#place = place;
    this.#onRelease = onRelease;
  }

  segment(source: number): Uint8Array<SharedArrayBuffer> {
    const { rank, ordinal, step } = this.#place;
    if (this.#released) {
      throw new EmbeddingError("EMBEDDING_RELEASED", `rank ${rank}: segment of step ${ordinal}, which is released`, {
        rank,
        step: ordinal,
      });
    }
    return this.#area.message(integerOption("source", source, 0, this.#area.ranks - 1), rank, step);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease();
  }
}
