import { type Counters, distance } from "./counters.js";
import { leftOf, type Offers, OPEN_STEPS, stepOf } from "./offers.js";
import { type ActCode, RankSteps } from "./steps.js";

/** A step of fewer units is not worth a wake-up: it is written before the one who was woken is there. */
const RINGING_UNITS = 16;

/** An offer with fewer units left is left to its owner, who is done with them before it would be worth anything. */
const LEAST_LEFT = 2;

/** How a rank takes part in a collective; see RankSteps. */
export interface SharingOptions {
  rank: number;
  lagBound: number;
  start: number;
}

/**
 * RankSteps of a rank that shares its writes: a step that is cut into units may be written by several ranks, each unit by one.
 *
 *     open      step `opened`, n units         when it may be written (reserve), the step before has none left, and at most OPEN_STEPS are open
 *     claim     the owner takes a unit         when one is left
 *     take      another rank takes one         when some are left and it has nothing else to do
 *     hand in   the unit is done               undone - 1; with the last one, another rank rings the owner
 *     written   the oldest open step           when none of it is undone
 *
 * A step whose unit somebody works on is not written, so it is not published, so no rank completes or releases it: its records and
 * windows stay. That is all that a helper reads, and it reads only between take and hand in. Who helps may be late: the owner goes on with the
 * next step meanwhile.
 */
export class SharingSteps extends RankSteps {
  readonly #counters: Counters;
  readonly #offers: Offers;
  readonly #rank: number;
  /** Steps that this rank has opened: `written`, and those that others still work on or that have units left. */
  opened: number;
  /** Whether step `opened` - 1 may have units left. */
  isOpen = false;
  /** The rank to help, and its offer, that mayHelp() found. */
  owner = 0;
  offer = 0;

  constructor(counters: Counters, offers: Offers, { rank, lagBound, start }: SharingOptions) {
    super(counters, rank, lagBound, start);
    this.#counters = counters;
    this.#offers = offers;
    this.#rank = rank;
    this.opened = this.written;
  }

  /** As RankSteps.next. Act.write: open step `opened`, or go on with the one that is open. Act.idle: help, if mayHelp(). */
  override next(quickFinish: boolean, busy: boolean, startsOnly = false): ActCode {
    while (distance(this.opened, this.written) > 0 && this.isDone(this.written)) this.wrote();
    if (this.written === this.opened) this.isOpen = false;
    return super.next(quickFinish, busy, startsOnly);
  }

  /** Whether there is a unit to claim, or credit and a slot for another step that is asked for. */
  override mayWrite(): boolean {
    if (this.isOpen) return true;
    if (distance(this.#counters.requested(), this.opened) <= 0 || distance(this.opened, this.written) >= OPEN_STEPS) return false;
    return this.hasCredit(this.opened);
  }

  /** Offers the units of step `opened`, whose records are in place; 0: it is written already. Rings the others when there is enough to share. */
  open(units: number): void {
    this.#offers.open(this.#rank, this.opened, units);
    this.opened = (this.opened + 1) | 0;
    this.isOpen = units > 0;
    if (units < RINGING_UNITS) return;
    const { ranks } = this.#counters;
    for (let n = 1; n < ranks; n += 1) this.#counters.ring((this.#rank + n) % ranks);
  }

  /** Takes a unit of step `opened` - 1 for this rank; -1 when none is left. */
  claim(): number {
    for (;;) {
      const offer = this.#offers.look(this.#rank);
      if (leftOf(offer) === 0) {
        this.isOpen = false;
        return -1;
      }
      const unit = this.#offers.take(this.#rank, offer);
      if (unit >= 0) return unit;
    }
  }

  /** The unit of claim() is done. */
  done(): void {
    this.#offers.handIn(this.#rank, (this.opened - 1) | 0);
  }

  /** Whether another rank has units to spare, of which take() then takes one: `owner`, and its `offer`. */
  mayHelp(): boolean {
    const { ranks } = this.#counters;
    for (let n = 1; n < ranks; n += 1) {
      const owner = (this.#rank + n) % ranks;
      const offer = this.#offers.look(owner);
      if (leftOf(offer) < LEAST_LEFT) continue;
      this.owner = owner;
      this.offer = offer;
      return true;
    }
    return false;
  }

  /** Takes the unit that mayHelp() found: its number, or -1 when another was quicker. */
  take(): number {
    return this.#offers.take(this.owner, this.offer);
  }

  /** The step that the unit of take() belongs to, right in its low 24 bits. */
  get offeredStep(): number {
    return stepOf(this.offer);
  }

  /** The unit of take() is done. */
  handIn(): void {
    if (this.#offers.handIn(this.owner, this.offeredStep)) this.#counters.ring(this.owner);
  }

  /** Whether an open step of this rank is written to the last unit. */
  protected isDone(step: number): boolean {
    return this.#offers.undone(this.#rank, step) === 0;
  }
}
