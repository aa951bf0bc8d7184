import { type Counters, distance } from "./counters.js";
import { leftOf, type Offers, stepOf } from "./offers.js";
import { Act, type ActCode, RankSteps } from "./steps.js";

/** A step of fewer units is not worth a wake-up: it is written before the one who was woken is there. */
const RINGING_UNITS = 16;

/** How a rank takes part in a collective; see RankSteps. */
export interface SharingOptions {
  rank: number;
  lagBound: number;
  start: number;
}

/**
 * RankSteps of a rank that shares its writes: a step that is cut into units may be written by several ranks, each unit by one.
 *
 *     open      step `written` with n units    when it may be written
 *     claim     the owner takes a unit         when one is left
 *     help      another rank takes a unit      when one is left and it has nothing else to do
 *     hand in   that unit is done              store: handedIn[owner] + 1, ring the owner
 *     close     the step is written            when no unit is left and all that others took are handed in
 *
 * A step whose unit somebody works on is not written, so it is not published, so no rank completes or releases it: its records and
 * windows stay. That is all that a helper reads, and it reads only between take and hand in.
 */
export class SharingSteps extends RankSteps {
  readonly #counters: Counters;
  readonly #offers: Offers;
  readonly #rank: number;
  /** Whether step `written` is open: offered, and not closed. */
  isOpen = false;
  /** Units of the open step. */
  units = 0;
  /** Units of it that this rank has claimed. */
  claimed = 0;
  /** What handedIn of this rank was when the step was opened. */
  handedInBefore: number;
  /** The rank to help, and its offer, that mayHelp() found. */
  owner = 0;
  offer = 0;

  constructor(counters: Counters, offers: Offers, { rank, lagBound, start }: SharingOptions) {
    super(counters, rank, lagBound, start);
    this.#counters = counters;
    this.#offers = offers;
    this.#rank = rank;
    this.handedInBefore = offers.handedIn(rank);
  }

  /** As RankSteps.next. Act.write: open step `written`, or go on with it. Act.idle: help, if mayHelp(). */
  override next(quickFinish: boolean, busy: boolean): ActCode {
    const act = super.next(quickFinish, busy);
    if (act !== Act.write || !this.#awaitsOthers()) return act;
    return !busy && this.hasComplete() ? Act.finish : Act.idle;
  }

  /** Whether another rank has a unit left, which take() then takes: `owner`, and its `offer`. */
  mayHelp(): boolean {
    const { ranks } = this.#counters;
    for (let n = 1; n < ranks; n += 1) {
      const owner = (this.#rank + n) % ranks;
      const offer = this.#offers.look(owner);
      if (leftOf(offer) === 0) continue;
      this.owner = owner;
      this.offer = offer;
      return true;
    }
    return false;
  }

  /** What is begun may be gone on with, though the bound may be lower by now. */
  override mayWrite(): boolean {
    return this.isOpen || super.mayWrite();
  }

  /** Offers the units of step `written`, whose records are in place, and rings the others when there is enough to share. */
  open(units: number): void {
    this.isOpen = true;
    this.units = units;
    this.claimed = 0;
    this.#offers.open(this.#rank, this.written, units);
    if (units < RINGING_UNITS) return;
    const { ranks } = this.#counters;
    for (let n = 1; n < ranks; n += 1) this.#counters.ring((this.#rank + n) % ranks);
  }

  /** Takes a unit of the open step for this rank; -1 when none is left. */
  claim(): number {
    for (;;) {
      const offer = this.#offers.look(this.#rank);
      if (leftOf(offer) === 0) return -1;
      const unit = this.#offers.take(this.#rank, offer);
      if (unit < 0) continue;
      this.claimed += 1;
      return unit;
    }
  }

  /** Whether the open step is written to the last unit; it is closed then, and wrote() is next. */
  close(): boolean {
    if (leftOf(this.#offers.look(this.#rank)) > 0 || this.#awaitsOthers()) return false;
    this.handedInBefore = (this.handedInBefore + this.units - this.claimed) | 0;
    this.isOpen = false;
    return true;
  }

  /** Takes the unit that mayHelp() found: its number, or -1 when another was quicker. */
  take(): number {
    return this.#offers.take(this.owner, this.offer);
  }

  /** Slot-wise the step that the unit of take() belongs to: right in its low 24 bits. */
  get offeredStep(): number {
    return stepOf(this.offer);
  }

  /** The unit of take() is done. */
  handIn(): void {
    this.#offers.handIn(this.owner);
    this.#counters.ring(this.owner);
  }

  /** Whether the open step lacks nothing but units that others have taken. */
  #awaitsOthers(): boolean {
    if (!this.isOpen || leftOf(this.#offers.look(this.#rank)) > 0) return false;
    return distance(this.#offers.handedIn(this.#rank), this.handedInBefore) < this.units - this.claimed;
  }
}
