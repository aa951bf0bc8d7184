import { leftOf, Offers } from "#host/collective/offers.js";
import { SharingSteps } from "#host/collective/sharing.js";
import { StealingModel } from "./stealing-model.js";

/** Models of work stealing with one small mistake each. */

/** Counts an offer down by a store: two who saw the same offer take the same unit. */
export class TakesByStore extends StealingModel {
  protected override makeOffers(words: Int32Array): Offers {
    return new (class extends Offers {
      override take(owner: number, offer: number): number {
        this.open(owner, offer >> 8, leftOf(offer) - 1);
        return leftOf(offer) - 1;
      }
    })(words);
  }
}

/** Keeps `bits` bits of the step in an offer: who slept long enough takes a unit of another step for the one that was offered. */
export function keepsBits(bits: number): typeof StealingModel {
  return class extends StealingModel {
    protected override makeOffers(words: Int32Array): Offers {
      return new (class extends Offers {
        override open(owner: number, step: number, units: number): void {
          super.open(owner, step & (2 ** bits - 1), units);
        }
      })(words);
    }
  };
}

/** Takes a step for written when no unit is left, though others may still work on some. */
export class ClosesTooEarly extends StealingModel {
  protected override makeSharing(rank: number): SharingSteps {
    const { offers } = this;
    const how = { rank, lagBound: this.lagBound, start: this.start };
    return new (class extends SharingSteps {
      override close(): boolean {
        if (leftOf(offers.look(rank)) > 0) return false;
        this.isOpen = false;
        return true;
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
        offers.handIn(this.owner);
      }
    })(this.counters, offers, how);
  }
}
