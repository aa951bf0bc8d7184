import { distance } from "#host/collective/counters.js";
import { leftOf, Offers } from "#host/collective/offers.js";
import { SharingSteps } from "#host/collective/sharing.js";
import { StealingModel } from "./stealing-model.js";

/** Models of work stealing with one small mistake each. */

/** Counts an offer down without comparing: two who saw the same offer take the same unit. */
export class TakesUnseen extends StealingModel {
  protected override makeOffers(words: Int32Array): Offers {
    return new (class extends Offers {
      override take(owner: number, offer: number): number {
        super.take(owner, this.look(owner));
        return leftOf(offer) - 1;
      }
    })(words);
  }
}

/**
 * Keeps `bits` bits of the step in an offer, and has helpers look up the step elsewhere: who slept long enough takes a unit of another step for the
 * one that it meant.
 */
export function keepsBits(bits: number): typeof StealingModel {
  return class extends StealingModel {
    protected override makeOffers(words: Int32Array): Offers {
      return new (class extends Offers {
        protected override offerOf(step: number, units: number): number {
          return super.offerOf(step & (2 ** bits - 1), units);
        }
      })(words);
    }

    protected override makeSharing(rank: number): SharingSteps {
      const stepReached = (): number => this.stepReached(rank);
      const how = { rank, lagBound: this.lagBound, start: this.start };
      return new (class extends SharingSteps {
        override get offeredStep(): number {
          return stepReached();
        }
      })(this.counters, this.offers, how);
    }
  };
}

/** Takes a step for written when no unit is left, though others may still work on some. */
export class ClosesTooEarly extends StealingModel {
  protected override makeSharing(rank: number): SharingSteps {
    const { offers } = this;
    const how = { rank, lagBound: this.lagBound, start: this.start };
    return new (class extends SharingSteps {
      protected override isDone(step: number): boolean {
        return distance(this.opened, step) > 1 || leftOf(offers.look(rank)) === 0;
      }
    })(this.counters, offers, how);
  }
}

/** Says that its unit is done when it begins it. */
export class HandsInFirst extends StealingModel {
  protected override beginHelp(rank: number): void {
    this.sharing(rank).handIn();
    this.deliverRings();
  }

  protected override endHelp(rank: number): void {
    this.endUnit(rank);
  }
}

/** Hands in, and does not ring. */
export class HandsInSilently extends StealingModel {
  protected override makeSharing(rank: number): SharingSteps {
    const { offers } = this;
    const how = { rank, lagBound: this.lagBound, start: this.start };
    return new (class extends SharingSteps {
      override handIn(): void {
        offers.handIn(this.owner, this.offeredStep);
      }
    })(this.counters, offers, how);
  }
}
